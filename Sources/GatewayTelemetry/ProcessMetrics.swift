import Glibc

/// What the kernel says about this process, under the names that every Prometheus client uses (proc_pid_stat(5)).
enum ProcessMetrics {
    /// Values of the families `process_…`; nil where /proc cannot be read.
    static func read() -> [MetricFamily: Double]? {
        guard let stat = Descriptor.contents(of: "/proc/self/stat") else { return nil }
        // The command's name stands in parentheses and may hold anything, so fields are counted from behind the last one.
        // The first of these is field 3, the state.
        guard let nameEnd = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
        func field(_ number: Int) -> Double? {
            fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil
        }
        let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))
        var values: [MetricFamily: Double] = [:]
        if let user = field(14), let system = field(15) { values[.processCPU] = (user + system) / ticksPerSecond }
        if let started = field(22), let boot = bootTime { values[.processStartTime] = boot + started / ticksPerSecond }
        values[.processVirtualMemory] = field(23)
        values[.processResidentMemory] = field(24).map { $0 * Double(sysconf(Int32(_SC_PAGESIZE))) }
        values[.processOpenFiles] = Descriptor.openCount().map(Double.init)
        values[.processFilesMax] = filesMax()
        return values
    }

    /// Seconds since 1970. Read once: the kernel computes it from the clock, and a start time must not wander.
    private static let bootTime: Double? = value(after: "btime ", in: "/proc/stat")

    private static func filesMax() -> Double? {
        value(after: "Max open files ", in: "/proc/self/limits")
    }

    /// The number behind `key` at the beginning of a line.
    private static func value(after key: String, in path: String) -> Double? {
        guard let text = Descriptor.contents(of: path) else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            return line.dropFirst(key.count).split(separator: " ").first.flatMap { Double($0) }
        }
        return nil
    }
}
