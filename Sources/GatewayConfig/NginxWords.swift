/// Words that those who come from nginx write, and what says the same here.
enum NginxWords {
    /// Blocks that nginx has around what stands at the top level here.
    static let outerBlocks = ["http", "events"]

    static func hint(for name: String) -> String? { hints[name] }

    private static let hints: [String: String] = [
        "http": "leave the block out: its directives belong at the top level",
        "events": "leave the block out: worker_connections belongs at the top level",
        "worker_processes": "use \"workers\"",
        "worker_shutdown_timeout": "use \"shutdown_timeout\"",
        "set_real_ip_from": "use \"trusted_proxies\"",
        "real_ip_header": "leave it out: X-Forwarded-For is what trusted_proxies are asked for",
        "proxy_connect_timeout": "use \"connect_timeout\" in the upstream block",
        "proxy_send_timeout": "use \"send_timeout\" in the upstream block",
        "proxy_read_timeout": "use \"read_timeout\" in the upstream block",
        "proxy_next_upstream": "use \"retry\" in the upstream block",
        "proxy_next_upstream_tries": "use \"retry attempts=\" in the upstream block",
        "proxy_http_version": "leave it out: origins are spoken to in HTTP/1.1",
        "proxy_ssl_verify": "use \"tls\" in the upstream block: it verifies unless verify=off",
        "proxy_ssl_name": "use \"tls name=\" in the upstream block",
        "proxy_ssl_server_name": "leave it out: the name that is verified is sent",
        "proxy_ssl_trusted_certificate": "use \"tls ca=\" in the upstream block",
        "proxy_ssl_certificate": "use \"tls cert= key=\" in the upstream block",
        "proxy_ssl_certificate_key": "use \"tls cert= key=\" in the upstream block",
        "proxy_ssl_session_reuse": "leave it out: sessions are resumed",
        "proxy_ssl_protocols": "leave it out: TLS 1.2 and 1.3 are spoken",
        "ssl_trusted_certificate": "use \"ssl_client_certificate\"",
        "proxy_buffering": "leave it out: answers are passed on as they come",
        "proxy_request_buffering": "leave it out: bodies are passed on as they come",
        "proxy_pass_header": "leave it out: the origin's fields are passed on",
        "least_conn": "use \"balance least_conn\"",
        "zone": "leave it out: max_conns counts over all workers",
        "resolver": "leave it out: the system's resolver is asked, again every resolve_interval",
        "gzip_vary": "leave it out: Vary: Accept-Encoding is always sent where it applies",
        "gzip_proxied": "leave it out: what is compressed doesn't depend on Via",
        "gzip_http_version": "leave it out: HTTP/1.0 clients get answers as they are",
        "gzip_buffers": "leave it out: answers are compressed as they come",
        "gzip_disable": "leave it out: Accept-Encoding decides",
        "split_clients": "use versions with weights in the upstream block",
        "log_format": "the access log is JSON: access_log stdout json;",
        "stub_status": "the admin listener has /metrics",
        "root": "files are not served",
        "alias": "files are not served",
        "index": "files are not served",
        "try_files": "files are not served",
        "rewrite": "use \"return\", or a path in proxy_pass",
        "if": "there are no conditions",
        "set": "variables can't be defined",
        "daemon": "leave it out: the gateway stays in the foreground",
        "pid": "leave it out: the gateway stays in the foreground",
    ]
}
