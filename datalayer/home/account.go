package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that the local PostgreSQL runs as. PostgreSQL refuses to run as root.
type account struct {
	name     string
	uid, gid int
	// switched says that it is another user than the proxy's own.
	switched bool
}

// chooseAccount picks the user for the cluster in dataDir: the proxy's own, or, when the proxy is root, the owner of
// what is there, else the user postgres, else nobody.
func chooseAccount(dataDir string) (account, error) {
	own := account{name: nameOf(os.Geteuid()), uid: os.Geteuid(), gid: os.Getegid()}
	owner, exists, err := ownerOf(dataDir)
	if err != nil {
		return account{}, err
	}
	if own.uid != 0 {
		if exists && owner.uid != own.uid {
			return account{}, &Error{Code: codeIO, Message: fmt.Sprintf("the local PostgreSQL's data in %s belongs to user %s, not to %s", dataDir, owner.name, own.name),
				Hint: fmt.Sprintf("Run the proxy as root or as %s, or choose another --data-dir.", owner.name)}
		}
		return own, nil
	}
	if exists {
		if owner.uid == 0 {
			return account{}, &Error{Code: codeIO, Message: "the local PostgreSQL's data in " + dataDir + " belongs to root, as which PostgreSQL does not run",
				Hint: "Give it to another user: chown -R postgres " + dataDir}
		}
		owner.switched = true
		return owner, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if errUID == nil && errGID == nil && uid != 0 {
			return account{name: name, uid: uid, gid: gid, switched: true}, nil
		}
	}
	return account{}, &Error{Code: codeSystem, Message: "there is no user to run the local PostgreSQL as",
		Detail: "PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody.",
		Hint:   "Run the proxy as another user than root."}
}

// ownerOf is the owner of a directory; exists is false where there is none.
func ownerOf(dir string) (owner account, exists bool, err error) {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return account{}, false, nil
	}
	if err != nil {
		return account{}, false, &Error{Code: codeIO, Message: "the local PostgreSQL's data cannot be looked at", Err: err}
	}
	st := info.Sys().(*syscall.Stat_t)
	return account{name: nameOf(int(st.Uid)), uid: int(st.Uid), gid: int(st.Gid)}, true, nil
}

// nameOf is the name of a user, or its number where it has none.
func nameOf(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return strconv.Itoa(uid)
}

// credential is what a child process is started with; nil where it keeps the proxy's.
func (a account) credential() *syscall.Credential {
	if !a.switched {
		return nil
	}
	return &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
}

// own makes the account the owner of one file or directory.
func (a account) own(path string) error {
	if !a.switched {
		return nil
	}
	return os.Chown(path, a.uid, a.gid)
}

// barrier is the first directory on the way to path, path included, that the account may not enter by its mode; "" if
// it gets through. path is absolute, without symbolic links.
func (a account) barrier(path string) (string, error) {
	if !a.switched {
		return "", nil
	}
	var chain []string
	for dir := path; ; dir = filepath.Dir(dir) {
		chain = append(chain, dir)
		if dir == filepath.Dir(dir) {
			break
		}
	}
	for i := len(chain) - 1; i >= 0; i-- {
		info, err := os.Stat(chain[i])
		if err != nil {
			return "", err
		}
		st := info.Sys().(*syscall.Stat_t)
		enter := fs.FileMode(0o001)
		switch {
		case int(st.Uid) == a.uid:
			enter = 0o100
		case int(st.Gid) == a.gid:
			enter = 0o010
		}
		if info.Mode().Perm()&enter == 0 {
			return chain[i], nil
		}
	}
	return "", nil
}
