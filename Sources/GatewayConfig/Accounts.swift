// The user database. getpwnam_r(3) and getgrnam_r(3) fill structs that point into a buffer, so `unsafe` stands here: the buffer
// outlives every look at them, and only numbers are kept.
import Glibc

/// Users and groups of the machine, by name.
enum Accounts {
    struct User: Equatable {
        let id: UInt32
        let group: UInt32
    }

    /// nil if there is no such user.
    static func user(named name: String) -> User? {
        var entry = unsafe passwd()
        let isFound = unsafe look { buffer, count in
            var found: UnsafeMutablePointer<passwd>?
            let result = unsafe getpwnam_r(name, &entry, buffer, count, &found)
            return unsafe (result, found != nil)
        }
        return isFound ? unsafe User(id: entry.pw_uid, group: entry.pw_gid) : nil
    }

    /// nil if there is no such group.
    static func group(named name: String) -> UInt32? {
        var entry = unsafe Glibc.group()
        let isFound = unsafe look { buffer, count in
            var found: UnsafeMutablePointer<Glibc.group>?
            let result = unsafe getgrnam_r(name, &entry, buffer, count, &found)
            return unsafe (result, found != nil)
        }
        return isFound ? unsafe entry.gr_gid : nil
    }

    /// Asks with room enough: a group's list of members may be long.
    private static func look(_ ask: (UnsafeMutablePointer<CChar>, Int) -> (result: Int32, isFound: Bool)) -> Bool {
        var count = 1024
        while true {
            var buffer = [CChar](repeating: 0, count: count)
            let answer: (result: Int32, isFound: Bool) = unsafe buffer.withUnsafeMutableBufferPointer { room in
                unsafe room.baseAddress.map { unsafe ask($0, room.count) } ?? (EINVAL, false)
            }
            if answer.result == EINTR { continue }
            if answer.result != ERANGE || count >= 1 << 20 { return answer.result == 0 && answer.isFound }
            count *= 2
        }
    }
}
