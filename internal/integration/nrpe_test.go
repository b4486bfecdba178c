//go:build integration

package integration

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/check-ingest/check-ingest/internal/nagiostest"
)

// TestNRPE asks the checks through a real daemon with the real plugin, check_nrpe.
func TestNRPE(t *testing.T) {
	t.Parallel()
	nrpe, checkNRPE := need(t, "nrpe", "nagios-nrpe-server"), need(t, "check_nrpe", "nagios-nrpe-plugin")
	w := newWorld(t)
	port := fmt.Sprint(freePort(t))
	dir := folder(t)
	write(t, filepath.Join(dir, "nrpe.d", "check_ingest.cfg"), contribText(t, "nrpe/check_ingest.cfg", packagePlugins, install(t)))
	config := write(t, filepath.Join(dir, "nrpe.cfg"), strings.Join([]string{
		"server_address=127.0.0.1", "server_port=" + port, "allowed_hosts=127.0.0.1", "nrpe_user=nagios", "nrpe_group=nagios",
		"dont_blame_nrpe=0", "keep_env_vars=CHECK_INGEST_CONFIG", "pid_file=" + filepath.Join(dir, "nrpe.pid"), "include_dir=" + filepath.Join(dir, "nrpe.d"), "",
	}, "\n"))
	d := launch(t, w.env(), nrpe, "-c", config, "-f", "-n")
	ask := func(args ...string) (string, int, error) {
		cmd := exec.Command(checkNRPE, append([]string{"-H", "127.0.0.1", "-p", port, "-n"}, args...)...)
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			return "", 0, err
		}
		return string(out), cmd.ProcessState.ExitCode(), nil
	}
	d.await(t, "a daemon that answers", func() error {
		out, code, err := ask()
		if err == nil && code != 0 {
			err = errors.New(out)
		}
		return err
	})
	t.Logf("%s", strings.TrimSpace(run(t, nil, "sh", "-c", nrpe+" -h | sed -n 's/^Version: *//p'")))
	play(t, w, d, func(t *testing.T, name string) service {
		t.Helper()
		out, code, err := ask("-c", "check_ingest_"+name)
		if err != nil {
			return service{text: err.Error()}
		}
		state := []string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[code]
		if err := nagiostest.CheckOutput(out, "INGEST "+strings.ToUpper(name), state, nagiostest.SoftLimit); err != nil {
			t.Errorf("%v: %q", err, out)
		}
		// The packets of NRPE 2 hold 1 KB: state and first line always come through them.
		old, oldCode, err := ask("-2", "-c", "check_ingest_"+name)
		if first, _, _ := strings.Cut(out, "\n"); err != nil || oldCode != code || len(old) > 1024 || len(old) < min(len(first), 400) {
			t.Errorf("with packets of NRPE 2: exit code %d, %v, %q; else %d, %q", oldCode, err, old, code, out)
		}
		text, perfdata, _ := strings.Cut(out, "|")
		return service{state, text, strings.TrimSpace(perfdata)}
	})
}
