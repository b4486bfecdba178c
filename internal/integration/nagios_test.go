//go:build integration

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// nagiosConfig is a small nagios.cfg around the files of contrib and the distribution's templates. One unit of an interval is a second.
const nagiosConfig = `log_file=DIR/nagios.log
cfg_file=/etc/nagios4/objects/commands.cfg
cfg_file=/etc/nagios4/objects/contacts.cfg
cfg_file=/etc/nagios4/objects/timeperiods.cfg
cfg_file=/etc/nagios4/objects/templates.cfg
cfg_file=DIR/host.cfg
cfg_file=CONTRIB/check_ingest_commands.cfg
cfg_file=CONTRIB/check_ingest_services.cfg
resource_file=DIR/resource.cfg
object_cache_file=DIR/objects.cache
precached_object_file=DIR/objects.precache
status_file=DIR/status.dat
status_update_interval=1
state_retention_file=DIR/retention.dat
nagios_user=nagios
nagios_group=nagios
check_external_commands=0
command_file=DIR/nagios.cmd
query_socket=DIR/nagios.qh
lock_file=DIR/nagios.lock
temp_file=DIR/nagios.tmp
temp_path=DIR
check_result_path=DIR/results
check_result_reaper_frequency=1
log_rotation_method=n
use_syslog=0
interval_length=1
service_inter_check_delay_method=n
service_interleave_factor=1
enable_notifications=0
process_performance_data=1
service_perfdata_file=DIR/perfdata
service_perfdata_file_template=$SERVICEDESC$\t$SERVICESTATE$\t$SERVICEPERFDATA$
service_perfdata_file_mode=a
illegal_object_name_chars=` + "`" + `~!$%^&*|'"<>?,()=
illegal_macro_output_chars=` + "`" + `~$&|'"<>
`

// TestNagios runs the services in a real Nagios, and reads its status file and its file of performance data.
func TestNagios(t *testing.T) {
	t.Parallel()
	nagios := need(t, "nagios4", "nagios4-core")
	w := newWorld(t)
	dir := folder(t)
	if err := os.Mkdir(filepath.Join(dir, "results"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "resource.cfg"), "$USER1$="+install(t)+"\n")
	write(t, filepath.Join(dir, "host.cfg"), "define host {\n use generic-host\n host_name localhost\n address 127.0.0.1\n max_check_attempts 1\n contact_groups admins\n}\n")
	config := strings.NewReplacer("DIR", dir, "CONTRIB", contrib(t, "nagios")).Replace(nagiosConfig)
	path := write(t, filepath.Join(dir, "nagios.cfg"), config)
	run(t, nil, "chown", "-R", "nagios:nagios", dir)

	verdict := run(t, nil, nagios, "-v", path)
	for _, line := range []string{"Total Warnings: 0", "Total Errors:   0", "Checked 5 services"} {
		if !strings.Contains(verdict, line) {
			t.Errorf("nagios4 -v does not say %q:\n%s", line, verdict)
		}
	}
	t.Log(regexp.MustCompile(`Nagios Core [0-9.]+`).FindString(verdict))

	d := launch(t, w.env(), nagios, path)
	play(t, w, d, func(t *testing.T, name string) service {
		t.Helper()
		return nagiosStatus(t, filepath.Join(dir, "status.dat"), "ingest "+name)
	})
	checkPerfdataFile(t, d, filepath.Join(dir, "perfdata"))
}

// nagiosStatus is a service of status.dat; the zero one where it has no result yet.
func nagiosStatus(t *testing.T, path, name string) service {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		return service{} // it is made when Nagios has started
	}
	for _, block := range strings.Split(string(data), "servicestatus {")[1:] {
		fields := map[string]string{}
		for line := range strings.Lines(block) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			if _, known := fields[key]; !known {
				fields[key] = value
			}
		}
		if fields["service_description"] == name && fields["has_been_checked"] == "1" {
			states := map[string]string{"0": "OK", "1": "WARNING", "2": "CRITICAL", "3": "UNKNOWN"}
			return service{
				state:    states[fields["current_state"]],
				text:     fields["plugin_output"] + "\n" + strings.ReplaceAll(fields["long_plugin_output"], `\n`, "\n"),
				perfdata: fields["performance_data"],
			}
		}
	}
	return service{}
}

// checkPerfdataFile waits until every service has a line in Nagios' file of performance data, and looks at the form of each.
func checkPerfdataFile(t *testing.T, d *daemon, path string) {
	t.Helper()
	var data []byte
	d.await(t, "performance data", func() error {
		var err error
		if data, err = os.ReadFile(path); err != nil {
			return err
		}
		for _, name := range []string{"lock", "disk", "db", "csv", "log"} {
			if !strings.Contains(string(data), "ingest "+name+"\tOK\t") {
				return fmt.Errorf("none of ingest %s", name)
			}
		}
		return nil
	})
	form := nagiostest.PerfdataForm()
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			continue // the last line may not be whole yet
		}
		for _, metric := range strings.Fields(fields[2]) {
			if !form.MatchString(metric) {
				t.Errorf("%q: metric %q", line, metric)
			}
		}
	}
}

// TestNagiosRefusesMistakes: that nagios4 -v is content means something.
func TestNagiosRefusesMistakes(t *testing.T) {
	t.Parallel()
	nagios := need(t, "nagios4", "nagios4-core")
	dir := folder(t)
	write(t, filepath.Join(dir, "resource.cfg"), "$USER1$=/usr/lib/nagios/plugins\n")
	write(t, filepath.Join(dir, "host.cfg"), "")
	config := strings.NewReplacer("DIR", dir, "CONTRIB", contrib(t, "nagios")).Replace(nagiosConfig)
	path := write(t, filepath.Join(dir, "nagios.cfg"), config)
	run(t, nil, "chown", "-R", "nagios:nagios", dir)
	if out, err := exec.Command(nagios, "-v", path).CombinedOutput(); err == nil {
		t.Errorf("services of a host that does not exist are accepted:\n%s", out)
	}
}
