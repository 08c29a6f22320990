package dialect

// Resolver finds the tables that a statement names.
type Resolver interface {
	// Table gives the table that clients call schema.name, nil if there is none.
	Table(schema, name string) *Table
}

// Table implements Resolver by looking through all tables. Who resolves often keeps an index of its own.
func (c *Catalog) Table(schema, name string) *Table {
	for _, t := range c.Tables {
		if t.Schema == schema && t.Name == name {
			return t
		}
	}
	return nil
}
