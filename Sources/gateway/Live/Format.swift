import GatewayTelemetry

/// Numbers as people read them at a glance: three digits, and a unit.
enum Format {
    /// "0", "0.25", "12.5", "340", "12.5k", "3.4M".
    static func number(_ value: Double) -> String {
        if !value.isFinite || value <= 0 { return "0" }
        let units = ["", "k", "M", "G", "T"]
        var (scaled, unit) = (value, 0)
        while scaled >= 999.5, unit < units.count - 1 {
            scaled /= 1000
            unit += 1
        }
        return digits(scaled) + units[unit]
    }

    /// With a blank between thousands: "1 204 332".
    static func count(_ value: some BinaryInteger) -> String {
        let digits = String(value)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "\u{2009}" }
            text.append(digit)
        }
        return text
    }

    /// "0.4 ms", "25 ms", "1.2 s", "5 min".
    static func seconds(_ value: Double) -> String {
        if value < 1 { return digits(value * 1000) + " ms" }
        if value < 100 { return digits(value) + " s" }
        return digits(value / 60) + " min"
    }

    static func quantile(_ quantile: Durations.Quantile?) -> String {
        switch quantile {
        case .below(let bound): "<" + seconds(bound)
        case .seconds(let value): seconds(value)
        case .above(let bound): ">" + seconds(bound)
        case nil: "–"
        }
    }

    /// "0 %", "0.4 %", "12 %"; "<0.1 %" for what is almost nothing, never "100 %" for what is almost all.
    static func percent(_ share: Double) -> String {
        let percent = share * 100
        if percent <= 0 { return "0 %" }
        if percent < 0.1 { return "<0.1 %" }
        if percent < 9.95 { return fixed(percent, places: 1) + " %" }
        if percent > 99, percent < 100 { return fixed(min(percent, 99.9), places: 1) + " %" }
        return String(Int(percent.rounded())) + " %"
    }

    /// "512 B", "1.5 KB", "64 MB".
    static func bytes(_ value: Double) -> String {
        let units = ["B", "KB", "MB", "GB", "TB"]
        var (scaled, unit) = (max(0, value), 0)
        while scaled >= 999.5, unit < units.count - 1 {
            scaled /= 1024
            unit += 1
        }
        return digits(scaled) + " " + units[unit]
    }

    /// How long something has been or will be: "42 s", "12 min", "5 h", "3 days".
    static func span(_ seconds: Double) -> String {
        if seconds < 100 { return "\(Int(max(0, seconds))) s" }
        if seconds < 6000 { return "\(Int(seconds / 60)) min" }
        if seconds < 2 * 86_400 { return "\(Int(seconds / 3600)) h" }
        return "\(Int(seconds / 86_400)) days"
    }

    /// Three digits, or the whole number.
    private static func digits(_ value: Double) -> String {
        if value >= 99.95 { return String(Int(value.rounded())) }
        let text = fixed(value, places: value >= 9.995 ? 1 : 2)
        return text.contains(".") ? String(text.reversed().drop { $0 == "0" }.reversed()).trimmedDot : text
    }

    private static func fixed(_ value: Double, places: Int) -> String {
        let unit = places == 1 ? 10 : 100
        let scaled = Int((value * Double(unit)).rounded())
        let fraction = String(scaled % unit)
        return "\(scaled / unit)." + String(repeating: "0", count: places - fraction.utf8.count) + fraction
    }
}

extension String {
    fileprivate var trimmedDot: String { hasSuffix(".") ? String(dropLast()) : self }
}
