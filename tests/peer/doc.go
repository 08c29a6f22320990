// Package peer speaks the protocol with one side of a comparison, plain PostgreSQL or a proxy, and notes all that the side
// answers in a form that can be compared.
package peer
