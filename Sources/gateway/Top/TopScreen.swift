import GatewayTelemetry

/// What `gateway top` shows: the live page in lines. Without a terminal's help: it is given a size and gives lines.
struct TopScreen {
    enum Link: Equatable {
        case live
        /// What is shown is from before.
        case lost(String)
    }

    let rates: LiveRates
    /// Requests a second, one for each of the last moments, the newest last.
    let history: [Double]
    let link: Link
    /// Who is asked.
    let address: String

    private var now: LiveReading { rates.now }

    /// No line is wider than `width`, and there are no more than `height`; nil shows all.
    func lines(width: Int, height: Int?) -> [StyledLine] {
        var lines = head(width: width)
        let sections = [traffic(width: width), versions(width), servers(width), limits(width), refusals(width), certificates(width)]
        for section in sections where !section.isEmpty { lines += [StyledLine()] + section }
        lines = lines.map { $0.cut(to: width) }
        guard let height, lines.count > height else { return lines }
        let left = lines.count - max(0, height - 1)
        return Array(lines.prefix(max(0, height - 1))) + [StyledLine("… \(left) more lines in a taller window", .quiet).cut(to: width)]
    }

    // MARK: What is wrong

    private func head(width: Int) -> [StyledLine] {
        var title = StyledLine("gateway \(now.gateway)", .bold)
        title.add("  \(address)  running for \(Format.span(now.time - now.process.startedAt))", .quiet)
        if now.isDraining { title.add("  ending", .notice) }
        var lines = [title]
        if case .lost(let reason) = link { lines.append(StyledLine("? lost, trying again: \(reason)", .bad)) }
        let verdict = now.verdict
        lines += Self.wrapped("\(Self.sign(verdict.state)) \(verdict.sentence)", width: width, StyledLine.Style(verdict.state))
        for finding in verdict.findings.dropFirst().prefix(4) {
            var line = StyledLine("\(Self.sign(finding.state)) \(finding.source)", StyledLine.Style(finding.state))
            line.add(": \(finding.text)")
            lines.append(line)
        }
        return lines
    }

    private static func sign(_ state: LiveVerdict.State) -> String {
        switch state {
        case .ok: "✓"
        case .notice: "▲"
        case .bad: "✕"
        }
    }

    /// The sentence is what must be read to its end.
    private static func wrapped(_ text: String, width: Int, _ style: StyledLine.Style) -> [StyledLine] {
        var lines: [StyledLine] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(StyledLine(line, style))
                line = "  "
            }
            line += (line.isEmpty || line == "  " ? "" : " ") + word
        }
        return lines + [StyledLine(line, style)]
    }

    // MARK: Figures

    private func traffic(width: Int) -> [StyledLine] {
        let statuses = zip(StatusClasses.names, rates.statusRates).filter { $0.1 > 0 }.map { "\($0) \(Format.number($1))" }
        let durations = rates.durations
        let percentiles = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].map { "\($0) \(Format.quantile(durations.quantile($1)))" }
        var requests = figure("requests", width, ["\(Format.number(rates.requestRate))/s"] + statuses)
        requests.add("   ")
        requests.add(Self.spark(history.suffix(max(0, min(60, width - requests.width)))), .quiet)
        var lines = [requests, figure("latency", width, percentiles)]
        if !now.zones.isEmpty {
            let tokens = now.zones.reduce(0) { $0 + $1.savedInputTokens + $1.savedOutputTokens }
            let saved = now.zones.reduce(0) { $0 + $1.savedSeconds }
            let rate = rates.hitShare.map { "\(Format.percent($0)) hits" } ?? "no lookups"
            lines.append(
                figure("cache", width, [rate, "\(Format.count(tokens)) tokens saved", "\(Format.seconds(saved)) of origins saved"]))
        }
        lines.append(
            figure(
                "connections", width,
                [
                    "\(Format.count(now.connectionsActive)) with a request", "\(Format.count(now.connectionsIdle)) idle",
                    "\(Format.number(rates.acceptRate))/s new",
                ] + (now.connectionsRefused > 0 ? ["\(Format.count(now.connectionsRefused)) refused since the start"] : [])))
        lines.append(
            figure(
                "gateway", width,
                [
                    "CPU \(Format.percent(rates.cpuShare)) of one", "memory \(Format.bytes(now.process.memoryBytes))",
                    "loop p99 \(Format.quantile(rates.loopLag.quantile(0.99)))",
                    "files \(Format.count(now.process.files)) of \(Format.count(now.process.filesMax))",
                ]))
        return lines
    }

    /// As many of them as fit: the most important first.
    private func figure(_ name: String, _ width: Int, _ values: [String]) -> StyledLine {
        var line = StyledLine(name, .quiet)
        line.pad(to: 13)
        for (index, value) in values.enumerated() {
            let next = StyledLine((index > 0 ? "   " : "") + value)
            if index > 0, line.width + next.width > width { break }
            line.add(next)
        }
        return line
    }

    private static func spark(_ values: ArraySlice<Double>) -> String {
        let steps = Array("▁▂▃▄▅▆▇█")
        guard let top = values.max(), top > 0 else { return "" }
        return String(values.map { steps[min(steps.count - 1, Int($0 / top * Double(steps.count - 1) + 0.5))] })
    }

    // MARK: Tables

    private func versions(_ width: Int) -> [StyledLine] {
        if now.upstreams.isEmpty { return [] }
        let rows = rates.versions.map { row -> [StyledLine] in
            let name = row.version.name.isEmpty ? row.upstream : "\(row.upstream)/\(row.version.name)"
            let share = (row.share.map(Format.percent) ?? "–") + (row.wantedShare.map { " of \(Format.percent($0))" } ?? "")
            let isBad = (row.errorShare ?? 0) >= 0.05
            let errors = (row.errorShare.map(Format.percent) ?? "–") + (isBad ? " ✕" : "")
            return [
                StyledLine(name), StyledLine(share), StyledLine("\(Format.number(row.rate))/s"), StyledLine(errors, isBad ? .bad : .plain),
                StyledLine(Format.quantile(row.p95)), StyledLine(Format.count(row.version.statuses.total)),
            ]
        }
        return Self.table(["version", "share", "requests", "errors", "p95", "since the start"], rows, width: width)
    }

    private func servers(_ width: Int) -> [StyledLine] {
        let rows = now.upstreams.flatMap { upstream in
            upstream.servers.map { server -> [StyledLine] in
                let isWell = server.state == "healthy"
                var state = StyledLine(isWell ? "✓ healthy" : "✕ \(server.state)", isWell ? .ok : .bad)
                if isWell, !server.hasWeight { state = StyledLine("▲ weight 0", .notice) }
                let back = server.returnsInMs.map { "back in \(Format.span(Double($0) / 1000))" }
                let why = [server.check.map { "check \($0)" }, server.reason, back].compactMap(\.self).joined(separator: "; ")
                let place = server.version.isEmpty ? upstream.name : "\(upstream.name)/\(server.version)"
                return [StyledLine(server.name), StyledLine(place), state, StyledLine(why)]
            }
        }
        return rows.isEmpty ? [] : Self.table(["server", "upstream", "state", "why"], rows, textColumns: 4, width: width)
    }

    private func limits(_ width: Int) -> [StyledLine] {
        let rows = now.limits.map { limit in
            let rate = rates.limit(limit)
            return [
                limit.name, "\(Format.number(rate.passed))/s", "\(Format.number(rate.refused))/s", Format.count(limit.passed),
                Format.count(limit.refused), Format.count(limit.dryRun),
            ].map { StyledLine($0) }
        }
        return rows.isEmpty
            ? [] : Self.table(["limit", "passed", "refused", "passed in all", "refused in all", "dry run"], rows, width: width)
    }

    private func refusals(_ width: Int) -> [StyledLine] {
        let most = now.refusals.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(5)
        let rows = most.map { [StyledLine($0.key), StyledLine(Format.count($0.value))] }
        return rows.isEmpty ? [] : Self.table(["refused, failed or ended early", "since the start"], rows, width: width)
    }

    private func certificates(_ width: Int) -> [StyledLine] {
        let rows = now.certificates.sorted { $0.ends < $1.ends }.prefix(5).map { certificate -> [StyledLine] in
            let left = certificate.ends - now.time
            let isSoon = left < 14 * 86_400
            let text = left < 0 ? "✕ expired" : (isSoon ? "▲ " : "") + "in \(Format.span(left))"
            return [StyledLine(certificate.server), StyledLine(text, left < 0 ? .bad : isSoon ? .notice : .plain)]
        }
        return rows.isEmpty ? [] : Self.table(["certificate", "ends"], rows, width: width)
    }

    /// Text to the left, numbers to the right. A number is there as a whole, or its column is not; the last text may be cut.
    private static func table(_ names: [String], _ rows: [[StyledLine]], textColumns: Int = 1, width: Int) -> [StyledLine] {
        let all = [names.map { StyledLine($0, .quiet) }] + rows
        var widths = names.indices.map { column in all.map { $0[column].width }.max() ?? 0 }
        while widths.count > textColumns, widths.reduce(0, +) + 2 * (widths.count - 1) > width { widths.removeLast() }
        return all.map { cells in
            var line = StyledLine()
            var start = 0
            for (column, cell) in cells.prefix(widths.count).enumerated() {
                line.pad(to: column < textColumns ? start : start + widths[column] - cell.width)
                line.add(cell)
                start += widths[column] + 2
            }
            return line
        }
    }
}
