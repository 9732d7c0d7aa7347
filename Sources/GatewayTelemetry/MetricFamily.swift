/// Every metric the gateway shows, declared once: the exposition, the checks of the registry and the table in the
/// README come from here. Names follow Prometheus' conventions (base units, `_total` for counters).
public enum MetricFamily: Int, CaseIterable, Sendable {
    case requests, requestDuration, timeToFirstByte, requestBytes, responseBytes
    case upstreamRequests, upstreamResponseDuration, upstreamConnections, upstreamConnects, upstreamConnectDuration
    case upstreamRetries, upstreamRetriesRefused, nameLookups
    case upstreamServerHealthy, upstreamEjections, upstreamHealthChecks, upstreamDiverted
    case upstreamTLSHandshakes, upstreamTLSHandshakeFailures, upstreamHTTP2Errors
    case connections, connectionsAccepted, connectionsRefused, connectionsClosed, http2ConnectionErrors
    case tlsHandshakes, tlsHandshakeFailures, certificateExpiry
    case refusals, apiKeyRequests, rateLimitPassed, rateLimited, rateLimitShared, maintenance, corsRequests
    case gzipBytes, gzipSkipped
    case cacheRequests, cacheBypasses, cacheStored, cacheNotStored, cacheSavedTokens, cacheSavedOriginTime
    case cacheEntries, cacheBytes, cacheEvicted
    case aiAnswers, aiTokens, aiTimeToFirstToken, aiTimePerOutputToken
    case configLastReloadSuccessful, configLastReloadSuccessTime, configReloads
    case buildInfo, eventLoopLag, spansExported, spansDropped, logLinesDropped, seriesRefused
    case processCPU, processResidentMemory, processVirtualMemory, processOpenFiles, processFilesMax, processStartTime

    public enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// What Prometheus counts in.
    public enum Unit: String, Sendable {
        case none = "", seconds, bytes
    }

    public struct Declaration: Sendable {
        public let kind: Kind
        public let name: String
        public let labels: [String]
        public let unit: Unit
        /// One sentence, without line breaks.
        public let help: String

        init(_ kind: Kind, _ name: String, labels: [String] = [], unit: Unit = .none, _ help: String) {
            self.kind = kind
            self.name = name
            self.labels = labels
            self.unit = unit
            self.help = help
        }
    }

    public var declaration: Declaration {
        switch self {
        case .requests:
            Declaration(
                .counter, "http_requests_total", labels: ["server", "location", "method", "status"],
                "Requests answered, by the status sent; 499 if the client went away first.")
        case .requestDuration:
            Declaration(
                .histogram, "http_request_duration_seconds", labels: ["server", "location", "method", "status"], unit: .seconds,
                "From the first byte of the request to the last byte of the answer.")
        case .timeToFirstByte:
            Declaration(
                .histogram, "http_time_to_first_byte_seconds", labels: ["server", "location", "method", "status"], unit: .seconds,
                "From the first byte of the request to the head of the answer.")
        case .requestBytes:
            Declaration(
                .counter, "http_request_bytes_total", labels: ["server", "location", "method", "status"], unit: .bytes,
                "Bytes of request content received.")
        case .responseBytes:
            Declaration(
                .counter, "http_response_bytes_total", labels: ["server", "location", "method", "status"], unit: .bytes,
                "Bytes of response content sent.")
        case .upstreamRequests:
            Declaration(
                .counter, "gateway_upstream_requests_total", labels: ["upstream", "version", "server", "status"],
                "Attempts at an upstream server; one without an answer counts as 502, or as 504 after a timeout.")
        case .upstreamResponseDuration:
            Declaration(
                .histogram, "gateway_upstream_response_duration_seconds", labels: ["upstream", "version", "server"], unit: .seconds,
                "Of attempts with a whole answer: from the choice of the server, a connection to it included, to the answer's last byte.")
        case .upstreamConnections:
            Declaration(
                .gauge, "gateway_upstream_connections", labels: ["upstream", "version", "server", "state"],
                "Open connections to an upstream server, by the version that last took them: active with a request, or idle.")
        case .upstreamConnects:
            Declaration(
                .counter, "gateway_upstream_connects_total", labels: ["upstream", "version", "server"],
                "Connections opened to an upstream server, or tried to.")
        case .upstreamConnectDuration:
            Declaration(
                .histogram, "gateway_upstream_connect_duration_seconds", labels: ["upstream", "version", "server"], unit: .seconds,
                "Of connections opened to an upstream server: until they could carry a request, with TLS its handshake included.")
        case .upstreamRetries:
            Declaration(
                .counter, "gateway_upstream_retries_total", labels: ["upstream", "version", "server"],
                "Attempts beyond the first of a request, by the server where the one before them failed.")
        case .upstreamRetriesRefused:
            Declaration(
                .counter, "gateway_upstream_retries_refused_total", labels: ["upstream"],
                "Retries that were left undone because the budget of `retry` had no more.")
        case .upstreamServerHealthy:
            Declaration(
                .gauge, "gateway_upstream_server_healthy", labels: ["upstream", "version", "server"],
                "1 while a server gets requests, 0 while it is out: its name has no address, its checks or its requests fail.")
        case .upstreamEjections:
            Declaration(
                .counter, "gateway_upstream_ejections_total", labels: ["upstream", "version", "server"],
                "Times that failed requests have put a server out.")
        case .upstreamHealthChecks:
            Declaration(
                .counter, "gateway_upstream_health_checks_total", labels: ["upstream", "server", "result"],
                "Health checks of a server's addresses: passed or failed.")
        case .upstreamDiverted:
            Declaration(
                .counter, "gateway_upstream_diverted_requests_total", labels: ["upstream", "version"],
                "Requests of a version's share that went to other versions because every server of it was out.")
        case .nameLookups:
            Declaration(
                .counter, "gateway_name_lookups_total", labels: ["host", "result"],
                "Lookups of a server's name: success, not_found (no such name, or no address) or failure (no answer that counts).")
        case .upstreamTLSHandshakes:
            Declaration(
                .counter, "gateway_upstream_tls_handshakes_total", labels: ["upstream", "server", "version", "resumed"],
                "TLS handshakes completed with an upstream server.")
        case .upstreamTLSHandshakeFailures:
            Declaration(
                .counter, "gateway_upstream_tls_handshake_failures_total", labels: ["upstream", "server", "reason"],
                "TLS with an upstream server that failed: in the handshake, or by an alert behind it.")
        case .upstreamHTTP2Errors:
            Declaration(
                .counter, "gateway_upstream_http2_errors_total", labels: ["upstream", "server", "frame", "code"],
                "Error codes of RFC 9113 that an upstream server has sent: goaway for a connection, rst_stream for a request.")
        case .connections:
            Declaration(
                .gauge, "gateway_connections", labels: ["state", "protocol"],
                "Open client connections: active ones have a request, idle ones do not; http/1.1 until another protocol is agreed on.")
        case .connectionsAccepted:
            Declaration(.counter, "gateway_connections_accepted_total", "Client connections accepted.")
        case .connectionsRefused:
            Declaration(
                .counter, "gateway_connections_refused_total", labels: ["reason"],
                "Client connections closed at once: over plain HTTP with a 503 where a limit was reached.")
        case .connectionsClosed:
            Declaration(
                .counter, "gateway_connections_closed_total", labels: ["reason"],
                "Client connections that the gateway ended although no request was on them.")
        case .http2ConnectionErrors:
            Declaration(
                .counter, "gateway_http2_connection_errors_total", labels: ["reason"],
                "HTTP/2 connections of clients that were ended for what they sent: a flood, or an error code of RFC 9113.")
        case .tlsHandshakes:
            Declaration(
                .counter, "gateway_tls_handshakes_total", labels: ["version", "cipher", "resumed"],
                "TLS handshakes completed with clients.")
        case .tlsHandshakeFailures:
            Declaration(
                .counter, "gateway_tls_handshake_failures_total", labels: ["reason"],
                "TLS handshakes with clients that failed.")
        case .certificateExpiry:
            Declaration(
                .gauge, "gateway_certificate_expiry_timestamp_seconds", labels: ["server", "certificate"], unit: .seconds,
                "When a server's certificate, by its file, ends: in seconds since 1970.")
        case .refusals:
            Declaration(
                .counter, "gateway_refusals_total", labels: ["error_type"],
                "Requests that the gateway refused, or that failed or ended early.")
        case .apiKeyRequests:
            Declaration(
                .counter, "gateway_api_key_requests_total", labels: ["key"],
                "Requests with a good API key, by its name; names beyond the first thousand count as (other).")
        case .rateLimitPassed:
            Declaration(
                .counter, "gateway_rate_limit_passed_total", labels: ["limit"],
                "Requests that had tokens of a rate limit, and of all others that they met.")
        case .rateLimited:
            Declaration(
                .counter, "gateway_rate_limited_total", labels: ["limit", "mode"],
                "Requests that a rate limit refused, or in mode dry_run would have refused.")
        case .rateLimitShared:
            Declaration(
                .counter, "gateway_rate_limit_shared_total", labels: ["limit"],
                "Requests counted in the one bucket of callers that a full table of a rate limit had no room for.")
        case .maintenance:
            Declaration(
                .gauge, "gateway_maintenance", labels: ["server", "location"],
                "1 while requests are answered with the maintenance page, else 0.")
        case .corsRequests:
            Declaration(
                .counter, "gateway_cors_requests_total", labels: ["server", "location", "result"],
                "Requests with an Origin where cors is on: allowed (the page may read the answer), refused, preflight, preflight_refused.")
        case .gzipBytes:
            Declaration(
                .counter, "gateway_gzip_bytes_total", labels: ["direction"], unit: .bytes,
                "Bytes of content taken in for compression, and given out by it.")
        case .gzipSkipped:
            Declaration(
                .counter, "gateway_gzip_skipped_total",
                "Responses that went out as they were because a worker's memory for compression was taken.")
        case .cacheRequests:
            Declaration(
                .counter, "gateway_cache_requests_total", labels: ["zone", "result"],
                "Requests to locations with a cache: hit, stale, revalidated (given from what is stored); miss, expired, refresh (asked of the "
                    + "origin), collapsed (read along with another's answer), bypass.")
        case .cacheBypasses:
            Declaration(
                .counter, "gateway_cache_bypasses_total", labels: ["zone", "reason"],
                "Requests in whose answer the cache had no part.")
        case .cacheStored:
            Declaration(.counter, "gateway_cache_stored_total", labels: ["zone"], "Answers that were stored.")
        case .cacheNotStored:
            Declaration(
                .counter, "gateway_cache_not_stored_total", labels: ["zone", "reason"],
                "Answers to requests that might have been answered from the cache, which were not stored.")
        case .cacheSavedTokens:
            Declaration(
                .counter, "gateway_cache_saved_tokens_total", labels: ["zone", "direction"],
                "Tokens of the stored answers that were given again (direction: input, output), where the location names its api.")
        case .cacheSavedOriginTime:
            Declaration(
                .counter, "gateway_cache_saved_origin_seconds_total", labels: ["zone"], unit: .seconds,
                "Time that origins took for the stored answers that were given again.")
        case .cacheEntries:
            Declaration(.gauge, "gateway_cache_entries", labels: ["zone"], "Answers that are stored.")
        case .cacheBytes:
            Declaration(
                .gauge, "gateway_cache_bytes", labels: ["zone"], unit: .bytes,
                "What the stored answers take of the zone's memory, with all that is kept about them.")
        case .cacheEvicted:
            Declaration(
                .counter, "gateway_cache_evicted_total", labels: ["zone"], "Answers that left to make room for others.")
        case .aiAnswers:
            Declaration(
                .counter, "gateway_ai_answers_total", labels: ["server", "location", "usage"],
                "Good answers of origins where the location names its api, by what they tell of their tokens: told, untold, or unreadable "
                    + "(the origin compressed them).")
        case .aiTokens:
            Declaration(
                .counter, "gateway_ai_tokens_total", labels: ["server", "location", "model", "direction"],
                "Tokens that origins say they have read (input) and written (output); models beyond the first hundred count as (other).")
        case .aiTimeToFirstToken:
            Declaration(
                .histogram, "gen_ai_server_time_to_first_token_seconds", labels: ["server", "location", "model"], unit: .seconds,
                "Of good streamed answers: from the request to the first event with output.")
        case .aiTimePerOutputToken:
            Declaration(
                .histogram, "gen_ai_server_time_per_output_token_seconds", labels: ["server", "location", "model"], unit: .seconds,
                "Of good streamed answers: from the first event with output to the last event, for each token behind the first.")
        case .configLastReloadSuccessful:
            Declaration(
                .gauge, "gateway_config_last_reload_successful",
                "1 if the configuration was accepted when it was last read, else 0.")
        case .configLastReloadSuccessTime:
            Declaration(
                .gauge, "gateway_config_last_reload_success_timestamp_seconds", unit: .seconds,
                "When a configuration was last accepted, in seconds since 1970.")
        case .configReloads:
            Declaration(.counter, "gateway_config_reloads_total", labels: ["result"], "Reloads of the configuration: success or failure.")
        case .buildInfo:
            Declaration(.gauge, "gateway_build_info", labels: ["version", "swift", "openssl"], "Always 1; the labels say what runs.")
        case .eventLoopLag:
            Declaration(
                .histogram, "gateway_event_loop_lag_seconds", labels: ["worker"], unit: .seconds,
                "How long a round of a worker's event loop took: so long an event may have waited to be seen.")
        case .spansExported:
            Declaration(.counter, "gateway_spans_exported_total", "Spans that the collector has taken.")
        case .spansDropped:
            Declaration(
                .counter, "gateway_spans_dropped_total", labels: ["reason"],
                "Spans that no collector got: queue_full (it is too slow), refused (by the collector), failed (it could not be reached, "
                    + "or had no time, again and again), ended (the process did).")
        case .logLinesDropped:
            Declaration(
                .counter, "gateway_log_lines_dropped_total", labels: ["log"],
                "Log lines dropped because their destination was too slow or failed.")
        case .seriesRefused:
            Declaration(
                .counter, "gateway_metric_series_refused_total",
                "Series that are not counted because the table of metrics is full; a restart empties it.")
        case .processCPU:
            Declaration(.counter, "process_cpu_seconds_total", unit: .seconds, "User and system CPU time spent.")
        case .processResidentMemory:
            Declaration(.gauge, "process_resident_memory_bytes", unit: .bytes, "Resident memory.")
        case .processVirtualMemory:
            Declaration(.gauge, "process_virtual_memory_bytes", unit: .bytes, "Virtual memory.")
        case .processOpenFiles:
            Declaration(.gauge, "process_open_fds", "Open file descriptors.")
        case .processFilesMax:
            Declaration(.gauge, "process_max_fds", "The most file descriptors the process may open.")
        case .processStartTime:
            Declaration(.gauge, "process_start_time_seconds", unit: .seconds, "When the process began, in seconds since 1970.")
        }
    }

    /// Of a histogram.
    var buckets: HistogramBuckets {
        switch self {
        case .aiTimeToFirstToken: .firstToken
        case .aiTimePerOutputToken: .outputToken
        case .upstreamConnectDuration, .eventLoopLag: .moments
        default: .requests
        }
    }

    /// The table of all families for the README.
    public static func markdown() -> String {
        var text = "| metric | kind | labels | meaning |\n|---|---|---|---|\n"
        for family in allCases {
            let declaration = family.declaration
            let labels = declaration.labels.map { "`\($0)`" }.joined(separator: ", ")
            text += "| `\(declaration.name)` | \(declaration.kind.rawValue) | \(labels) | \(declaration.help) |\n"
        }
        return text
    }
}
