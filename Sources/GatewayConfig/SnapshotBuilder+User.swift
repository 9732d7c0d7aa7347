extension SnapshotBuilder {
    func user(_ main: Scope) -> UserConfig? {
        guard let arguments = main.first("user")?.arguments, let name = arguments.text("NAME"), let user = Accounts.user(named: name) else {
            return nil
        }
        let group = arguments.text("GROUP").flatMap(Accounts.group)
        return UserConfig(name: name, id: user.id, group: group ?? user.group)
    }
}
