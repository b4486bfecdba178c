package smallfile

import (
	"encoding/json"
	"errors"
	"fmt"
)

// SchemaError says that a file was written by a version of this software whose files this one does not know.
type SchemaError struct {
	Got, Known int
}

// Error names both versions.
func (e *SchemaError) Error() string {
	return fmt.Sprintf("schema %d, this version knows %d", e.Got, e.Known)
}

// errNoSchema is the error of JSON that is not of a file with a version.
var errNoSchema = errors.New(`no number "schema"`)

// Decode reads a JSON object with a member "schema", its version, into v. Another version than schema is a [*SchemaError],
// whatever else the object holds; unknown members are no error, since a version may gain some.
func Decode(data []byte, schema int, v any) error {
	var version struct {
		Schema *int `json:"schema"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return err
	}
	if version.Schema == nil {
		return errNoSchema
	}
	if *version.Schema != schema {
		return &SchemaError{Got: *version.Schema, Known: schema}
	}
	return json.Unmarshal(data, v)
}
