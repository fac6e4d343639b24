package main

import (
	_ "embed"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
)

//go:embed version.txt
var version string

func main() {
	answer := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, strings.TrimSpace(version))
	}
	http.HandleFunc("/", answer)
	log.Fatal(http.ListenAndServe(os.Getenv("HOST")+":"+os.Getenv("PORT"), nil))
}
