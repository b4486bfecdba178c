// Package near finds the word that a misspelt one was probably meant to be.
package near

import "fmt"

// Hint is the end of a message about an unknown word: `, did you mean "data-dir"?`, or "" where no candidate is like it.
func Hint(word string, candidates []string) string {
	best, ok := Word(word, candidates)
	if !ok {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// Word is the candidate with the smallest edit distance to word, the first of several, if that is small enough for a
// slip of the fingers: a third of the word's letters, two at least.
func Word(word string, candidates []string) (string, bool) {
	length := len(letters(word))
	best, least := "", max(2, length/3)+1
	for _, c := range candidates {
		if d := distance(word, c); d < least && d < max(length, len(letters(c))) {
			best, least = c, d
		}
	}
	return best, best != ""
}

// maxLetters is how much of a word is looked at, since it may come from outside.
const maxLetters = 64

// distance is the number of letters to insert, remove, change or swap with their neighbour that makes a of b.
func distance(a, b string) int {
	x, y := letters(a), letters(b)
	before, row := make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		next := make([]int, len(y)+1)
		next[0] = i + 1
		for j := range y {
			substitute := row[j]
			if x[i] != y[j] {
				substitute++
			}
			next[j+1] = min(substitute, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(y)]
}

func letters(s string) []rune {
	r := []rune(s)
	return r[:min(len(r), maxLetters)]
}
