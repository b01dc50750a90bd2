// CoreDNS with only the plugins that the sandbox needs.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/reload"
	_ "github.com/coredns/coredns/plugin/template"
)

func init() {
	// A query passes the plugins in this order. It is CoreDNS's own, but for template, which comes last: here it
	// answers what no other plugin has answered.
	dnsserver.Directives = []string{
		"reload", "bind", "ready", "errors", "log", "cache", "hosts", "kubernetes", "forward", "template",
	}
}

func main() { coremain.Run() }
