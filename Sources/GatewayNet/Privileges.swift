import CLinux
import Glibc

/// What the process may do on this machine.
public enum Privileges {
    public static var isRoot: Bool { geteuid() == 0 }

    public static func isUser(_ id: UInt32) -> Bool { geteuid() == id }

    /// No program that is run from here on gets more rights than this one has, whatever its file says. Threads inherit it, so it is
    /// called before the first begins. (The gateway runs none: this is for whoever makes it.)
    public static func forbidMore() throws(SystemError) {
        try Syscall.check("prctl") { gateway_forbid_new_privileges() }
    }

    /// Becomes another user, for good: every thread (glibc sees to that, nptl(7)), the groups, and with root's id the capabilities.
    /// Other processes of that user can't look into this one's memory, where the keys are, and it leaves no core file.
    public static func become(_ name: String, user: UInt32, group: UInt32) throws(SystemError) {
        try Syscall.check("setgid") { setgid(group) }
        try Syscall.check("initgroups") { unsafe initgroups(name, group) }
        try Syscall.check("setuid") { setuid(user) }
        try Syscall.check("prctl") { gateway_hide_memory() }
        precondition(user == 0 || setuid(0) != 0, "root's rights can be had back")
    }

    /// Gives a socket to a user. Only sockets of one user may share a port (socket(7), SO_REUSEPORT): those that the workers of a later
    /// reload open are the user's.
    public static func give(_ socket: Int32, user: UInt32, group: UInt32) throws(SystemError) {
        try Syscall.check("fchown") { fchown(socket, user, group) }
    }
}
