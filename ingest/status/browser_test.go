package status

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// browsers are the names by which Chromium may be installed. CHECK_INGEST_BROWSER names another one.
func browsers() []string {
	return []string{os.Getenv("CHECK_INGEST_BROWSER"), "chromium", "chromium-browser", "google-chrome", "chrome", "chromium-headless-shell"}
}

// browser finds a Chromium that works, or skips the test.
func browser(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes seconds to start")
	}
	for _, name := range browsers() {
		if name == "" {
			continue
		}
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium is installed, so the page is not looked at in one; Debian's package is called chromium")
	return ""
}

// browse opens a page with Chromium and gives what it wrote to stdout and stderr.
func browse(t *testing.T, path string, flags ...string) (stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	profile := t.TempDir()
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--enable-logging=stderr", "--user-data-dir=" + profile, "--virtual-time-budget=2000",
	}, append(flags, "file://"+path)...)
	cmd := exec.CommandContext(ctx, browser(t), args...)
	cmd.Env = append(os.Environ(), "HOME="+profile)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, errs.String())
	}
	return out.String(), errs.String()
}

// written writes a page with what the test adds to it into a folder of its own. The page's policy would not let anything that is added run, so it is
// taken out; that the page obeys its own policy is seen where nothing is added.
func written(t *testing.T, html, script string) string {
	t.Helper()
	if script != "" {
		html = regexp.MustCompile(`<meta http-equiv="Content-Security-Policy"[^>]*>`).ReplaceAllString(html, "")
		html = strings.Replace(html, "</body>", "<script>"+script+"</script></body>", 1)
	}
	path := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(html), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPageInABrowser opens pages in Chromium: nothing is said on the console, and the script runs under the page's own policy.
func TestPageInABrowser(t *testing.T) {
	t.Parallel()
	browser(t)
	console := regexp.MustCompile(`(?m)^.*CONSOLE.*$`)
	pages := map[string]Report{"hostile": attacked(t), "held": Build(snapshotOf(planted(t))), "empty": Build(read())}
	frames := written(t, "", "")
	var outer strings.Builder
	for name, r := range pages {
		if err := os.WriteFile(filepath.Join(filepath.Dir(frames), name+".html"), []byte(paged(t, r)), 0o644); err != nil {
			t.Fatal(err)
		}
		outer.WriteString(`<iframe src="` + name + `.html" width="900" height="900"></iframe>`)
	}
	if err := os.WriteFile(frames, []byte(outer.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	plain := paged(t, Build(planted(t)))
	dom, said := browse(t, written(t, plain, ""), "--dump-dom")
	_, framed := browse(t, frames, "--dump-dom")
	if lines := console.FindAllString(said+framed, -1); len(lines) > 0 {
		t.Errorf("the console says\n%s", strings.Join(lines, "\n"))
	}
	if !strings.Contains(dom, "<footer>") {
		t.Errorf("the page is not whole:\n%.2000s", dom)
	}
	if grids := strings.Count(dom, `role="grid"`); grids == 0 || grids != strings.Count(plain, `class="year"`) {
		t.Errorf("the script made %d grids", grids)
	}
}

// TestKeysInABrowser moves through a calendar by keyboard and follows a day's link to its gap.
func TestKeysInABrowser(t *testing.T) {
	t.Parallel()
	browser(t)
	dom, said := browse(t, written(t, paged(t, Build(planted(t))), `
const log = [];
const calendar = document.getElementById("days-3").parentElement;
const out = calendar.querySelector("[data-day]");
const press = (key) => {
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
  log.push(key + " " + out.textContent.split(":")[0]);
};
calendar.querySelector("td[tabindex='0']").focus();
log.push("focus " + out.textContent.split(":")[0]);
for (const key of ["ArrowLeft", "ArrowUp", "Home", "ArrowLeft", "PageUp", "End", "ArrowRight", "PageUp", "PageUp"]) press(key);
calendar.querySelector("td[title^='2023-07-04'] a").click();
log.push("at " + location.hash + " " + document.querySelector(":target th").textContent);
const cell = calendar.querySelector("td[title^='2023-09-09']");
cell.tabIndex = 0; cell.focus(); press("Enter");
log.push("at " + location.hash + " " + document.querySelector(":target th").textContent);
log.push("wide " + (document.documentElement.scrollWidth > innerWidth));
const pre = document.createElement("pre"); pre.id = "log"; pre.textContent = log.join("\n"); document.body.append(pre);
`), "--dump-dom", "--window-size=1000,800")
	_, got, _ := strings.Cut(dom, `<pre id="log">`)
	got, _, _ = strings.Cut(got, "</pre>")
	want := strings.Join([]string{
		"focus 2024-03-18", "ArrowLeft 2024-03-17", "ArrowUp 2024-02-17", "Home 2024-02-01", "ArrowLeft 2024-01-31", "PageUp 2023-01-31", "End 2023-01-31",
		"ArrowRight 2023-02-01", "PageUp 2022-12-01", "PageUp 2022-12-01", "at #gap-3 2023-07-04", "Enter 2023-09-09", "at #gap-4 2023-09-09", "wide false",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s\n%s", got, want, said)
	}
}

// TestPageLooksInABrowser draws the page in light and dark and as wide as a phone. CHECK_INGEST_SCREENSHOTS names a folder to keep the pictures in.
func TestPageLooksInABrowser(t *testing.T) {
	t.Parallel()
	browser(t)
	dir := os.Getenv("CHECK_INGEST_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	page := written(t, paged(t, Build(planted(t))), "")
	phone := filepath.Join(filepath.Dir(page), "phone.html") // no window is narrower than 500
	frame := `<body style="margin:0"><iframe src="page.html" style="border:0;width:360px;height:3400px"></iframe></body>`
	if err := os.WriteFile(phone, []byte(frame), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, look := range map[string]struct {
		path  string
		flags []string
		dark  bool
	}{
		"light": {path: page, flags: []string{"--window-size=1200,2400"}},
		"dark":  {path: page, flags: []string{"--window-size=1200,2400", "--force-dark-mode"}, dark: true},
		"phone": {path: phone, flags: []string{"--window-size=500,3400"}},
	} {
		file := filepath.Join(dir, name+".png")
		browse(t, look.path, append(look.flags, "--screenshot="+file)...)
		light, err := lightness(file)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if look.dark != (light < 0.4) {
			t.Errorf("%s: the mean lightness is %.2f", name, light)
		}
	}
}

// lightness is the mean of a picture's pixels, 0 to 1.
func lightness(path string) (float64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	var sum float64
	n := 0
	for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y += 4 {
		for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x += 4 {
			r, g, b, _ := picture.At(x, y).RGBA()
			sum += float64(r+g+b) / (3 * 0xffff)
			n++
		}
	}
	return sum / float64(n), nil
}
