import GatewayCore
import GatewayHTTP
import Testing

/// Fields of callers' credentials, told by their names alone.
@Suite struct CredentialNameTests {
    @Test(arguments: [
        "api-key", "apikey", "x-goog-api-key", "Ocp-Apim-Subscription-Key", "X-Auth-Key", "X_API_Key", "key", "X-Access-Token",
        "Private-Token",
        "X-Vault-Token", "X-Amz-Security-Token", "X-Authorization", "auth", "X-Secret", "X-Client-Password", "X-Set-Cookies", "jwt",
        "X-JWT-Assertion",
        "X-Credentials", "X-Hub-Signature-256",
    ])
    func `a name that says so is one of credentials`(name: String) {
        let isCredential = Array(name.utf8).rawSpan.namesCredential
        #expect(isCredential)
    }

    @Test(arguments: [
        "", "a", "k", "ke", "x-stainless-lang", "traceparent", "keys", "Keyboard", "X-Tenant", "Idempotency-Key", "idempotency-KEY",
        "OpenAI-Beta",
        "aut", "toke", "X-Request-Id", "cooki", "jw", "K\u{e9}y",
    ])
    func `any other is not`(name: String) {
        let isCredential = Array(name.utf8).rawSpan.namesCredential
        #expect(!isCredential)
    }
}
