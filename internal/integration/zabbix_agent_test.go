//go:build integration

package integration

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestZabbixAgent asks a real agent for its keys, over its protocol.
func TestZabbixAgent(t *testing.T) {
	t.Parallel()
	agent := need(t, "zabbix_agent2", "zabbix-agent2")
	w := newWorld(t)
	config, addr := zabbixAgentConfig(t)
	for _, name := range []string{"lock", "disk", "db", "csv", "log"} {
		out := run(t, w.env(), agent, "-c", config, "-t", "check_ingest."+name)
		if want := `{"schema":1,"name":"INGEST ` + strings.ToUpper(name) + `","state":"OK","exit_code":0,`; !strings.Contains(out, want) {
			t.Errorf("zabbix_agent2 -t check_ingest.%s: %s", name, out)
		}
	}
	version, _, _ := strings.Cut(run(t, nil, agent, "-V"), "\n")
	t.Log(version)
	d := launch(t, w.env(), agent, "-f", "-c", config)
	play(t, w, d, func(t *testing.T, name string) service {
		t.Helper()
		text, err := zabbixGet(addr, "check_ingest."+name)
		if err != nil {
			return service{text: err.Error()}
		}
		return readJSON(t, text)
	})
}

// zabbixAgentConfig makes the configuration of an agent with the keys of contrib, and gives its path and the address that it listens on.
func zabbixAgentConfig(t *testing.T) (config, addr string) {
	t.Helper()
	dir := folder(t)
	port := freePort(t)
	write(t, filepath.Join(dir, "zabbix_agent2.d", "check_ingest.conf"), contribText(t, "zabbix/check_ingest.conf", packagePlugins, install(t)))
	config = write(t, filepath.Join(dir, "zabbix_agent2.conf"), strings.Join([]string{
		"LogType=console", "Server=127.0.0.1", "ListenIP=127.0.0.1", fmt.Sprintf("ListenPort=%d", port), "Hostname=loader",
		"ControlSocket=" + filepath.Join(dir, "agent.sock"), "PluginSocket=" + filepath.Join(dir, "plugin.sock"), "PidFile=" + filepath.Join(dir, "agent.pid"),
		"Include=" + filepath.Join(dir, "zabbix_agent2.d", "*.conf"), "",
	}, "\n"))
	return config, fmt.Sprintf("127.0.0.1:%d", port)
}

// zabbixGet asks an agent for one key, as zabbix_get does: a header of ZBXD, 1, the length as a 32-bit little-endian number and as much again
// for what is not used here, then the key; the answer likewise. What the agent does not support it answers with ZBX_NOTSUPPORTED.
func zabbixGet(addr, key string) (string, error) {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return zabbixAsk(conn, key)
}

// zabbixAsk asks for a key over a connection to an agent.
func zabbixAsk(conn net.Conn, key string) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return "", err
	}
	request := append([]byte("ZBXD\x01"), binary.LittleEndian.AppendUint64(nil, uint64(len(key)))...)
	if _, err := conn.Write(append(request, key...)); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	switch {
	case err != nil:
		return "", err
	case len(answer) < 13 || string(answer[:5]) != "ZBXD\x01" || int(binary.LittleEndian.Uint32(answer[5:])) != len(answer)-13:
		return "", fmt.Errorf("answer %q", answer)
	}
	text := string(answer[13:])
	if message, ok := strings.CutPrefix(text, "ZBX_NOTSUPPORTED"); ok {
		return "", errors.New("not supported: " + strings.Trim(message, "\x00"))
	}
	return text, nil
}

// readJSON reads a check's JSON, remedies as part of the text.
func readJSON(t *testing.T, text string) service {
	t.Helper()
	var doc struct {
		State, Summary string
		Problems       []struct{ Text, Remedy string }
		Lines          []string
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%v: %q", err, text)
	}
	lines := []string{doc.Summary}
	for _, p := range doc.Problems {
		lines = append(lines, p.Text+". "+p.Remedy)
	}
	return service{state: doc.State, text: strings.Join(append(lines, doc.Lines...), "\n")}
}
