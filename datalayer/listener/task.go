package listener

import (
	"context"
	"slices"
	"time"
)

// task is what a Keeper knows of one listener.
type task struct {
	def Definition
	// due says that a pass is wanted, at, if that is later, not before when. next is when one is wanted in any case.
	due      bool
	at, next time.Time
	// running is set while a pass runs; stop ends it.
	running bool
	stop    context.CancelFunc
	// kept is what was found out of the listener at its last set-up, at the time verified; nil asks for another.
	kept     *kept
	verified time.Time
	// failing is pass.size.failing after the last pass.
	failing int
	// version is the model version of the last pass.
	version int
}

// adopt brings the tasks to the definitions that there are now.
func (k *Keeper) adopt() {
	definitions := k.config.Definitions()
	k.mu.Lock()
	defer k.mu.Unlock()
	seen := map[string]bool{}
	for _, def := range definitions {
		seen[def.Name] = true
		t := k.tasks[def.Name]
		if t == nil {
			k.tasks[def.Name] = &task{def: def, due: true}
			continue
		}
		if !same(&t.def, &def) {
			t.def, t.kept, t.due, t.at = def, nil, true, time.Time{}
			if t.stop != nil {
				t.stop()
			}
		}
		name, number, err := modelOf(&def)
		if err != nil {
			continue
		}
		if v, err := k.config.Models.Describe(context.Background(), name, number); err == nil && v.Version != t.version && t.version != 0 {
			t.due, t.at, t.version, t.kept = true, time.Time{}, v.Version, nil
		}
	}
	for name, t := range k.tasks {
		if !seen[name] {
			if t.stop != nil {
				t.stop()
			}
			delete(k.tasks, name)
		}
	}
}

// same reports whether two definitions are one, but for their options' order.
func same(a, b *Definition) bool {
	return a.Table == b.Table && a.Query == b.Query && slices.Equal(a.Key, b.Key) && a.Model == b.Model && slices.Equal(a.Arguments, b.Arguments) &&
		a.Into == b.Into && a.Flatten == b.Flatten && a.Refresh == b.Refresh && a.Every == b.Every && a.Owner == b.Owner && a.SearchPath == b.SearchPath &&
		a.Options["capture"] == b.Options["capture"] && a.Disabled == b.Disabled && a.Version == b.Version
}
