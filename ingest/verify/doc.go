// Package verify looks at every row of a database and says what is wrong with it: rows that cannot be, ids that come twice, days and ids that
// are missing, and rows that are not those which the ledger recorded. It reads the table in pieces, in the order in which it lies on disk, and
// keeps no more than sums by day and by some millions of ids.
//
// What is gathered ([tally], files) is judged apart from the database (holes, neighbours), and shown by [Report.Text] or as JSON.
package verify
