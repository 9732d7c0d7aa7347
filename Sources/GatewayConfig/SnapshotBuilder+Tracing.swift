extension SnapshotBuilder {
    /// nil: nobody traces.
    func tracing(_ main: Scope) -> TracingConfig? {
        let arguments = main.effective("tracing")
        guard let word = arguments.word("URL|off"), let target = arguments.proxyTarget() else {
            reportUseless(arguments)
            return nil
        }
        var config = TracingConfig(host: target.host, port: target.port ?? (target.isTLS ? 443 : 80), path: target.uri ?? "/")
        if target.isTLS {
            config.tls = defaultTLS(at: arguments.word("ca")?.position ?? word.position)
            config.tls?.caPath = arguments.text("ca").map(resolve)
        } else if let ca = arguments.word("ca") {
            diagnostics.error("\"ca\" is of no use without TLS", at: ca.position, expected: "expected https://, or no ca=")
        }
        config.service = arguments.text("service") ?? config.service
        config.sampleMillionths = arguments.number("share") ?? config.sampleMillionths
        config.intervalMs = arguments.number("interval") ?? config.intervalMs
        config.header = arguments.field("header")
        if config.header != nil && !target.isTLS, let header = arguments.word("header"), !target.isLoopback {
            diagnostics.warning(
                "the field goes to the collector without TLS", at: header.position, expected: "expected https:// where it is a secret")
        }
        names.add(target.host, intervalMs: UpstreamList.defaults.effective("resolve_interval").number() ?? 1, at: word.position)
        return config
    }

    /// Whether requests of a server or location are traced, where anybody's are.
    func isTraced(_ block: Scope) -> Bool { block.effective("tracing").toggle() ?? true }

    private func reportUseless(_ arguments: Arguments) {
        for label in ["service", "share", "interval", "header", "ca"] {
            guard arguments.text("URL|off") == "off", let word = arguments.word(label) else { continue }
            diagnostics.error("\"off\" takes no arguments", at: word.position, expected: "expected tracing off;")
            return
        }
    }
}

extension ProxyTarget {
    fileprivate var isLoopback: Bool { host == "localhost" || host.hasPrefix("127.") || host == "::1" }
}
