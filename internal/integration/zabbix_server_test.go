//go:build integration

package integration

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// zabbixSchema is where Debian's package has the tables and first rows of a server's database.
const zabbixSchema = "/usr/share/zabbix-server-pgsql"

// TestZabbixServer imports the template through the API of a real front end into a real server, gives it to a host whose agent has the
// keys, and looks at what becomes of its items, triggers and discovery.
func TestZabbixServer(t *testing.T) {
	t.Parallel()
	server, agent := need(t, "zabbix_server", "zabbix-server-pgsql"), need(t, "zabbix_agent2", "zabbix-agent2")
	php := need(t, "php", "php-cli")
	postgres := postgresBin(t)
	if _, err := os.Stat("/usr/share/zabbix/api_jsonrpc.php"); err != nil {
		need(t, "zabbix-frontend-php's files", "zabbix-frontend-php")
	}
	w := newWorld(t)
	dir := folder(t)
	socket, dbPort := startPostgres(t, postgres, dir)

	config, addr := zabbixAgentConfig(t)
	launch(t, w.env(), agent, "-f", "-c", config)
	port := freePort(t)
	for _, sub := range []string{"server", "front"} {
		run(t, nil, "install", "-d", "-o", "zabbix", filepath.Join(dir, sub))
	}
	serverConfig := write(t, filepath.Join(dir, "zabbix_server.conf"), fmt.Sprintf("ListenIP=127.0.0.1\nListenPort=%d\nLogType=console\nDBHost=%s\nDBPort=%d\nDBName=zabbix\nDBUser=postgres\nSocketDir=%s\nPidFile=%[5]s/server.pid\nCacheUpdateFrequency=1\nStartPollers=2\nStartPollersUnreachable=1\nStartTrappers=2\nStartPreprocessors=2\nStartDBSyncers=1\nStartDiscoverers=0\nStartHTTPPollers=0\nStartPingers=0\nTimeout=20\nFpingLocation=/bin/true\n",
		port, socket, dbPort, filepath.Join(dir, "server"), filepath.Join(dir, "server")))
	d := launch(t, nil, server, "-f", "-c", serverConfig)

	z := &zabbix{t: t, daemon: d, url: startFrontEnd(t, php, filepath.Join(dir, "front"), fmt.Sprintf("$DB['TYPE']='POSTGRESQL'; $DB['SERVER']='%s'; $DB['PORT']='%d'; $DB['DATABASE']='zabbix'; $DB['USER']='postgres'; $DB['DOUBLE_IEEE754']=true; $ZBX_SERVER='127.0.0.1'; $ZBX_SERVER_PORT='%d';", socket, dbPort, port))}
	z.login()
	z.importTemplate(addr)

	play(t, w, d, func(t *testing.T, name string) service {
		t.Helper()
		return z.service(name)
	})
	// Discovered from the JSON: two symbols, one file system, and an alarm about old trades for each symbol.
	for _, key := range []string{"check_ingest.series.age[um,BTCUSDT]", "check_ingest.series.rows[um,ETHUSDT]", "check_ingest.volume.free[" + w.db + "]"} {
		d.await(t, "discovery", func() error {
			if v := z.value(key); v == "" || v == "0" {
				return fmt.Errorf("%s is %q", key, v)
			}
			return nil
		})
	}
	// The alarm about the damaged database says what it is and what to do.
	d.await(t, "a problem", func() error {
		var problems []struct{ Name string }
		z.call("problem.get", map[string]any{"output": []string{"name"}, "recent": true}, &problems)
		for _, p := range problems {
			if strings.HasPrefix(p.Name, "Ingest db is CRITICAL: "+w.db+" is damaged") && strings.Contains(p.Name, "Restore it from a backup") {
				t.Log(p.Name)
				return nil
			}
		}
		return fmt.Errorf("problems %q", problems)
	})
}

// postgresBin is the folder of PostgreSQL's programs.
func postgresBin(t *testing.T) string {
	t.Helper()
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(dirs) == 0 {
		need(t, "postgres", "postgresql")
	}
	return dirs[len(dirs)-1]
}

// startPostgres makes a server with the database zabbix that listens on a socket only, and gives the socket's folder and port.
func startPostgres(t *testing.T, bin, dir string) (socket string, port int) {
	t.Helper()
	as := func(args ...string) string {
		return run(t, nil, "runuser", append([]string{"-u", "postgres", "--"}, args...)...)
	}
	data := filepath.Join(dir, "postgres")
	run(t, nil, "install", "-d", "-o", "postgres", "-m", "755", data)
	as(filepath.Join(bin, "initdb"), "-D", filepath.Join(data, "db"), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
	port = freePort(t)
	d := launch(t, nil, "/usr/sbin/runuser", "-u", "postgres", "--", filepath.Join(bin, "postgres"), "-D", filepath.Join(data, "db"), "-k", data, "-p", fmt.Sprint(port), "-c", "listen_addresses=", "-c", "fsync=off")
	d.await(t, "PostgreSQL", func() error {
		return exec.Command(filepath.Join(bin, "pg_isready"), "-h", data, "-p", fmt.Sprint(port)).Run()
	})
	sql := fmt.Sprintf("set -eu; psql=\"%s/psql -q -v ON_ERROR_STOP=1 -h %s -p %d -U postgres\"; $psql -c 'CREATE DATABASE zabbix'; for f in schema images data; do zcat %s/$f.sql.gz | $psql -o /dev/null zabbix; done", bin, data, port, zabbixSchema)
	run(t, nil, "sh", "-c", sql)
	return data, port
}

// startFrontEnd serves a copy of the front end, which looks for its settings in a fixed place that the copy changes, and gives its URL.
func startFrontEnd(t *testing.T, php, dir, settings string) string {
	t.Helper()
	www := filepath.Join(dir, "www")
	run(t, nil, "cp", "-rL", "/usr/share/zabbix", www)
	config := write(t, filepath.Join(dir, "zabbix.conf.php"), "<?php "+settings+"\n")
	run(t, nil, "sed", "-i", "s|/etc/zabbix/zabbix.conf.php|"+config+"|", filepath.Join(www, "include/classes/core/CConfigFile.php"))
	port := freePort(t)
	launch(t, []string{"PHP_CLI_SERVER_WORKERS=2"}, php, "-d", "max_execution_time=300", "-d", "post_max_size=16M", "-S", fmt.Sprintf("127.0.0.1:%d", port), "-t", www)
	return fmt.Sprintf("http://127.0.0.1:%d/api_jsonrpc.php", port)
}

// zabbix is a server that is asked through the API of its front end.
type zabbix struct {
	*daemon
	t         *testing.T
	url, auth string
	host      string
}

// try calls a method of the API.
func (z *zabbix) try(method string, params, result any) error {
	request := map[string]any{"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
	if z.auth != "" {
		request["auth"] = z.auth
	}
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	resp, err := http.Post(z.url, "application/json-rpc", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Result json.RawMessage
		Error  *struct{ Message, Data string }
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("%s: %.500s", method, text)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %s %s", method, answer.Error.Message, answer.Error.Data)
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(answer.Result, result)
}

func (z *zabbix) call(method string, params, result any) {
	z.t.Helper()
	if err := z.try(method, params, result); err != nil {
		z.t.Fatal(err)
	}
}

func (z *zabbix) login() {
	z.t.Helper()
	var version string
	z.await(z.t, "the API", func() error { return z.try("apiinfo.version", []string{}, &version) })
	z.t.Log("Zabbix", version)
	z.await(z.t, "a login", func() error {
		return z.try("user.login", map[string]string{"user": "Admin", "password": "zabbix"}, &z.auth)
	})
}

// importTemplate imports the template of contrib, and makes a host with it whose agent listens on addr.
func (z *zabbix) importTemplate(addr string) {
	z.t.Helper()
	text := contribText(z.t, "zabbix/check_ingest_template.yaml")
	rule := map[string]bool{"createMissing": true, "updateExisting": true}
	rules := map[string]any{
		"groups": map[string]bool{"createMissing": true}, "templates": rule, "items": rule, "triggers": rule, "discoveryRules": rule, "valueMaps": rule,
	}
	z.call("configuration.import", map[string]any{"format": "yaml", "source": text, "rules": rules}, nil)
	var templates []struct {
		TemplateID string
		Items      string
		Triggers   string
	}
	z.call("template.get", map[string]any{
		"filter": map[string]string{"host": "check-ingest by Zabbix agent"}, "selectItems": "count", "selectTriggers": "count",
	}, &templates)
	if len(templates) != 1 || templates[0].Items == "0" || templates[0].Triggers != "20" {
		z.t.Fatalf("templates %+v", templates)
	}
	z.t.Logf("imported: %s items, %s triggers", templates[0].Items, templates[0].Triggers)
	ip, port, _ := strings.Cut(addr, ":")
	var made struct{ HostIDs []string }
	z.call("host.create", map[string]any{
		"host": "loader", "groups": []map[string]string{{"groupid": "2"}}, "templates": []map[string]string{{"templateid": templates[0].TemplateID}},
		"interfaces": []map[string]any{{"type": 1, "main": 1, "useip": 1, "ip": ip, "dns": "", "port": port}},
	}, &made)
	z.host = made.HostIDs[0]
}

type zabbixItem struct {
	ItemID, Value string
	LastClock     string
	LastValue     string
	Error         string
}

// item is an item of the host; false where it is not there yet.
func (z *zabbix) item(key string) (zabbixItem, bool) {
	z.t.Helper()
	var items []zabbixItem
	z.call("item.get", map[string]any{"hostids": z.host, "filter": map[string]string{"key_": key}, "output": []string{"lastvalue", "lastclock", "error"}}, &items)
	if len(items) != 1 {
		return zabbixItem{}, false
	}
	return items[0], true
}

func (z *zabbix) value(key string) string {
	z.t.Helper()
	i, _ := z.item(key)
	return i.LastValue
}

// service has the server run a check now, and gives the state and the text that it makes of it.
func (z *zabbix) service(name string) service {
	z.t.Helper()
	master, ok := z.item("check_ingest." + name)
	if !ok {
		z.t.Fatalf("no item check_ingest.%s", name)
	}
	// It is refused as long as the server does not know the item; the next try comes soon.
	err := z.try("task.create", []map[string]any{{"type": 6, "request": map[string]string{"itemid": master.ItemID}}}, nil)
	time.Sleep(time.Second) // tasks are looked for every few seconds; asking the front end more often makes everything slower
	state := map[string]string{"0": "OK", "1": "WARNING", "2": "CRITICAL", "3": "UNKNOWN"}[z.value("check_ingest."+name+".state")]
	if i, _ := z.item("check_ingest." + name + ".state"); i.LastClock == "0" || i.Error != "" {
		return service{text: fmt.Sprintf("no value: %v, %s, %s", err, i.Error, master.Error)}
	}
	text, whole := strings.CutPrefix(z.value("check_ingest."+name+".text"), state+": ")
	if !whole { // one of the two items is ahead of the other
		return service{text: text}
	}
	return service{state: state, text: text}
}
