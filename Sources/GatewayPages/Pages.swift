/// The files of this target, as bytes in the program. A target of its own, since a file that becomes an array of numbers takes the compiler
/// seconds: nothing else is compiled anew with it.
public enum Pages {
    /// The live page of the admin listener.
    public static var live: [UInt8] { PackageResources.live_html }
}
