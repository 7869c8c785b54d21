package cluster

import (
	"crypto/rand"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"pushlab/deploy"
)

// Files are the configurations.
//
//go:embed nats nginx systemd
var Files embed.FS

// The files with the passwords, which are made once.
const (
	secrets = "nats/secrets.conf"
	routes  = "nats/routes.conf"
)

// writeFiles writes the configurations into the folder. Only addresses and passwords are others there.
func (c *Cluster) writeFiles() error {
	for _, dir := range []string{"nats", "nginx", "log", "pid"} {
		if err := os.MkdirAll(c.path(dir), 0o700); err != nil {
			return err
		}
	}
	local := strings.NewReplacer("127.0.0.1", c.config.Address)
	err := fs.WalkDir(Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(name, "systemd/") {
			return err
		}
		if _, err := os.Stat(c.path(name)); (name == secrets || name == routes) && err == nil {
			return nil
		}
		text, err := Files.ReadFile(name)
		if err != nil {
			return err
		}
		return c.write(name, withPasswords(local.Replace(string(text))))
	})
	if err != nil {
		return err
	}
	site, err := deploy.Files.ReadFile("nginx/pushlab.conf")
	if err != nil {
		return err
	}
	listen := strings.NewReplacer("\tlisten 80;", "\tlisten "+c.config.Address+":8080;", "\tlisten [::]:80;", "")
	if err := c.write("nginx/pushlab.conf", listen.Replace(string(site))); err != nil {
		return err
	}
	return c.writeLogin()
}

func (c *Cluster) write(name, text string) error {
	return os.WriteFile(c.path(filepath.FromSlash(name)), []byte(text), 0o600)
}

// withPasswords replaces what stands where passwords are to be.
func withPasswords(text string) string {
	for _, of := range []string{"CHANGE-PUSHLAB", "CHANGE-ADMIN", "CHANGE-ROUTE"} {
		text = strings.ReplaceAll(text, of, rand.Text())
	}
	return text
}

// writeLogin writes the file by which nodes log in, with what the servers' file says.
func (c *Cluster) writeLogin() error {
	text, err := os.ReadFile(c.path(secrets))
	if err != nil {
		return err
	}
	_, rest, found := strings.Cut(string(text), `pushlab_password: "`)
	password, _, ends := strings.Cut(rest, `"`)
	if !found || !ends {
		return errors.New(c.path(secrets) + " has no pushlab_password; put it back, or begin anew in another folder")
	}
	return c.write("login", "pushlab:"+password+"\n")
}
