import GatewayConfig
import GatewayNet

/// The directive `user`. Ports are bound and keys read before, logs are opened and workers begin after it.
extension Supervisor {
    /// Log files are opened by the user, at the start as after SIGUSR1: one that only root can open would be lost with the first
    /// rotation, and in a directory that is the user's a link could lead root anywhere.
    func giveUpRoot(_ user: UserConfig?, _ change: Listeners.Change) throws {
        guard let user, Privileges.isRoot else { return }
        do {
            for socket in change.allSockets { try Privileges.give(socket.fileDescriptor, user: user.id, group: user.group) }
            try Privileges.become(user.name, user: user.id, group: user.group)
        } catch {
            throw UserRefusal(name: user.name, error: error)
        }
    }

    func warnOfUser() {
        if Privileges.isRoot {
            logs.logger.warning("the gateway runs as root: give it a user")
        } else if let user = config.user, !Privileges.isUser(user.id) {
            logs.logger.warning("user is ignored: only root can become another user", metadata: ["user": "\(user.name)"])
        }
    }
}

private struct UserRefusal: Error, CustomStringConvertible {
    let name: String
    let error: SystemError

    var description: String { "cannot become the user \(name): \(error)" }
}
