package badgerstore

import (
	"fmt"
	"log/slog"
	"strings"
)

// logger passes Badger's messages on to slog. What Badger calls information is detail to everyone else, so it becomes
// debug. It implements badger.Logger.
type logger struct{ to *slog.Logger }

// Errorf implements badger.Logger.
func (l logger) Errorf(format string, args ...any) { l.to.Error(message(format, args)) }

// Warningf implements badger.Logger.
func (l logger) Warningf(format string, args ...any) { l.to.Warn(message(format, args)) }

// Infof implements badger.Logger.
func (l logger) Infof(format string, args ...any) { l.to.Debug(message(format, args)) }

// Debugf implements badger.Logger.
func (l logger) Debugf(format string, args ...any) { l.to.Debug(message(format, args)) }

// message is one line that names the store.
func message(format string, args []any) string {
	return "metadata store: " + strings.TrimSpace(fmt.Sprintf(format, args...))
}
