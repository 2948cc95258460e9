import ONNXFormat
import Testing

struct CheckerTests {
  private func verdict(_ fields: [[UInt8]]) throws -> Checker.Verdict {
    try ModelFile(bytes: Array(fields.joined())).check()
  }

  private let small = tensorProto(
    "w", [2, 3], type: 1, Wire.bytes(9, floatBytes([1, 2, 3, 4, 5, 6])))
  private let large = tensorProto(
    "w", [500], type: 1, Wire.bytes(9, [UInt8](repeating: 0, count: 2000)))
  private let external = tensorProto(
    "w", [500], type: 1,
    Wire.message(13, Wire.text(1, "location"), Wire.text(2, "w.bin")) + Wire.number(14, 1))

  @Test func coverage() {
    #expect(Checker.newestOpset >= 17)
    #expect(Checker.newestIRVersion >= 8)
  }

  @Test func soundModels() throws {
    #expect(try verdict(additionModel(small, dimensions: [2, 3])) == .valid)
    #expect(try verdict(additionModel(large, dimensions: [500])) == .valid)
    #expect(try verdict(additionModel(external, dimensions: [500])) == .valid)
    let whole = Array(additionModel(small, dimensions: [2, 3]).joined())
    #expect(whole.withUnsafeBytes { Checker.check(model: $0) } == .valid)
  }

  /// Without its data a large initializer makes the checker itself refuse.
  @Test func wholeModelsMustHoldTheirData() throws {
    let bare = Array(
      additionModel(tensorProto("w", [500], type: 1, []), dimensions: [500]).joined())
    guard case .invalid = bare.withUnsafeBytes({ Checker.check(model: $0) }) else {
      throw Unexpected("an initializer without data was accepted")
    }
  }

  /// Below IR version 4 an initializer must be an input too.
  @Test func oldModelsListTheirInitializers() throws {
    for proto in [small, large] {
      guard case .invalid = try verdict(additionModel(proto, dimensions: [500], irVersion: 3))
      else {
        throw Unexpected("an initializer that is no input was accepted")
      }
    }
    let node =
      Wire.text(1, "x") + Wire.text(1, "w") + Wire.text(2, "y") + Wire.text(4, "Add")
    let graph =
      Wire.bytes(1, node) + Wire.text(2, "g") + Wire.bytes(5, large)
      + Wire.bytes(11, valueInfo("x", [500])) + Wire.bytes(11, valueInfo("w", [500]))
      + Wire.bytes(12, valueInfo("y", [500]))
    let listed = [
      Wire.number(1, 3), Wire.bytes(7, graph), Wire.message(8, Wire.text(1, ""), Wire.number(2, 9)),
    ]
    #expect(try verdict(listed) == .valid)
  }

  @Test func largeConstants() throws {
    let attribute = Wire.text(1, "value") + Wire.bytes(5, large) + Wire.number(20, 4)
    let node = Wire.text(2, "y") + Wire.text(4, "Constant") + Wire.bytes(5, attribute)
    let graph = Wire.bytes(1, node) + Wire.text(2, "g") + Wire.bytes(12, valueInfo("y", [500]))
    let model = [
      Wire.number(1, 7), Wire.bytes(7, graph),
      Wire.message(8, Wire.text(1, ""), Wire.number(2, 13)),
    ]
    #expect(try verdict(model) == .valid)
  }

  @Test func brokenModels() throws {
    let node = Wire.text(1, "nowhere") + Wire.text(2, "y") + Wire.text(4, "Relu")
    let graph = Wire.bytes(1, node) + Wire.text(2, "g") + Wire.bytes(12, valueInfo("y", [2]))
    let model = [
      Wire.number(1, 7), Wire.bytes(7, graph),
      Wire.message(8, Wire.text(1, ""), Wire.number(2, 13)),
    ]
    guard case .invalid(let text) = try verdict(model) else {
      throw Unexpected("an undefined input was accepted")
    }
    #expect(text.contains("nowhere"))
  }

  @Test func newerModels() throws {
    #expect(
      try verdict(additionModel(small, dimensions: [2, 3], opset: 999)) == .notCovered("opset 999"))
    #expect(
      try verdict(additionModel(small, dimensions: [2, 3], irVersion: 99))
        == .notCovered("IR version 99"))
  }

  @Test func bytesThatAreNoModel() {
    let bytes: [UInt8] = [0xFF, 0xFF]
    #expect(
      bytes.withUnsafeBytes { Checker.check(model: $0) } == .failed("the bytes are no ModelProto"))
  }
}
