/// What libFuzzer calls with each input. Its own main() is the program's.
@c(LLVMFuzzerTestOneInput)
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.run(UnsafeRawBufferPointer(start: bytes, count: count).bytes)
    return 0
}
