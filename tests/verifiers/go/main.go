// Verifies a log in a folder with Go's own packages, which know nothing of Muster: verify-log FOLDER.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type folder string

func (f folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		// C2SP's paths leave out the height, which is always 8.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		all = append(all, bytes)
	}
	return all, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) read(name string) []byte {
	bytes, err := os.ReadFile(filepath.Join(string(f), name))
	check(err)
	return bytes
}

// checkpoint returns a checkpoint that the key has signed.
func (f folder) checkpoint(name string) tlog.Tree {
	verifier, err := note.NewVerifier(strings.TrimSpace(string(f.read("key"))))
	check(err)
	opened, err := note.Open(f.read(name), note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != verifier.Name() {
		check(fmt.Errorf("%s is of %s", name, lines[0]))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	hash, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: hash}
}

type proof struct {
	Position int64    `json:"position"`
	Entry    string   `json:"entry"`
	Hashes   []string `json:"hashes"`
}

func (f folder) proof(name string) (read proof, hashes []tlog.Hash) {
	check(json.Unmarshal(f.read(name), &read))
	for _, text := range read.Hashes {
		bytes, err := hex.DecodeString(text)
		check(err)
		hashes = append(hashes, tlog.Hash(bytes))
	}
	return read, hashes
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify-log:", err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) != 2 {
		check(fmt.Errorf("verify-log FOLDER"))
	}
	f := folder(os.Args[1])
	tree := f.checkpoint("checkpoint")
	reader := tlog.TileHashReader(tree, f)
	var index int64
	for bundle := int64(0); bundle*256 < tree.N; bundle++ {
		name := fmt.Sprintf("tile/entries/%03d", bundle)
		if width := tree.N - bundle*256; width < 256 {
			name += fmt.Sprintf(".p/%d", width)
		}
		for rest := f.read(name); len(rest) > 0; index++ {
			length := int(binary.BigEndian.Uint16(rest))
			hash := tlog.RecordHash(rest[2 : 2+length])
			rest = rest[2+length:]
			kept, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			check(err)
			if kept[0] != hash {
				check(fmt.Errorf("the entry at index %d isn't the one in the tree", index))
			}
			path, err := tlog.ProveRecord(tree.N, index, reader)
			check(err)
			check(tlog.CheckRecord(path, tree.N, tree.Hash, index, hash))
		}
	}
	if index != tree.N {
		check(fmt.Errorf("%d entries in the bundles, %d in the checkpoint", index, tree.N))
	}
	said, path := f.proof("inclusion.json")
	entry, err := base64.StdEncoding.DecodeString(said.Entry)
	check(err)
	check(tlog.CheckRecord(path, tree.N, tree.Hash, said.Position-1, tlog.RecordHash(entry)))
	older := f.checkpoint("older")
	_, path = f.proof("consistency.json")
	check(tlog.CheckTree(path, tree.N, tree.Hash, older.N, older.Hash))
	fmt.Printf("%d entries, %d older: golang.org/x/mod/sumdb agrees\n", tree.N, older.N)
}
