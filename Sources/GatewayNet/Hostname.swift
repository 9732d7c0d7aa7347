import Glibc

/// The name of this machine: gethostname(2).
public enum Hostname {
    public static let current: [UInt8] = {
        var name = [CChar](repeating: 0, count: 256)  // HOST_NAME_MAX is 64
        unsafe gethostname(&name, name.count - 1)
        return name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    }()
}
