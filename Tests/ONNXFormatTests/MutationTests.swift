import CONNX
import ONNXFormat
import Tensors
import Testing

/// Damaged models never crash: they open, or are refused with a reason.
struct MutationTests {
  private enum Outcome { case opened, refused }

  private func open(_ bytes: some Collection<UInt8>) -> Outcome {
    do throws(ModelFileError) {
      readEverything(try ModelFile(bytes: bytes))
      return .opened
    } catch {
      #expect(!error.description.isEmpty)
      return .refused
    }
  }

  /// Follows every pointer that the importer follows.
  private func readEverything(_ file: ModelFile) {
    file.withModel { model in
      guard let graph = model.pointee.graph?.pointee else { return }
      for tensor in Field.messages(graph.initializer, graph.n_initializer) {
        if let tensor = try? file.tensor(tensor) { #expect(tensor.byteCount < 1 << 20) }
      }
      for node in Field.messages(graph.node, graph.n_node) {
        _ = Field.string(node.pointee.name)
        _ = Field.strings(node.pointee.input, node.pointee.n_input)
        _ = Field.strings(node.pointee.output, node.pointee.n_output)
        for attribute in Field.messages(node.pointee.attribute, node.pointee.n_attribute) {
          _ = Field.text(attribute.pointee.s)
          _ = Array(Field.numbers(attribute.pointee.ints, attribute.pointee.n_ints))
        }
      }
    }
    _ = file.check()
  }

  @Test func truncatedAtEveryByte() {
    let fields = smallModel()
    let model = Array(fields.joined())
    var ends: Set<Int> = []
    var end = 0
    for (index, field) in fields.enumerated() {
      end += field.count
      // The graph is the third field.
      if index >= 2 { ends.insert(end) }
    }
    for count in 0...model.count {
      #expect(open(model.prefix(count)) == (ends.contains(count) ? .opened : .refused))
    }
  }

  @Test func everyBitFlipped() {
    let model = Array(smallModel().joined())
    for bit in 0..<(8 * model.count) {
      var damaged = model
      damaged[bit / 8] ^= 1 << (bit % 8)
      _ = open(damaged)
    }
  }

  @Test func everyByteReplacedOrDuplicatedOrLeftOut() {
    let model = Array(smallModel().joined())
    for index in model.indices {
      for value in [0, 1, 0x7F, 0x80, 0xFF] as [UInt8] {
        var damaged = model
        damaged[index] = value
        _ = open(damaged)
        damaged.insert(value, at: index)
        _ = open(damaged)
      }
      var damaged = model
      damaged.remove(at: index)
      _ = open(damaged)
    }
  }

  @Test func randomBytes() {
    var random = Random(state: 1)
    for round in 0..<2000 {
      _ = open((0..<(round % 300)).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
  }

  /// Random bytes hardly ever nest; random fields do.
  @Test func randomFields() {
    var random = Random(state: 2)
    func fields(_ depth: Int) -> [UInt8] {
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        let field = Int.random(in: 1...16, using: &random)
        switch Int.random(in: 0...3, using: &random) {
        case 0: bytes += Wire.number(field, Int64.random(in: -5...20, using: &random))
        case 1: bytes += Wire.tag(field, 5) + [0, 0, 0x80, 0x3F]
        case 2 where depth < 8: bytes += Wire.bytes(field, fields(depth + 1))
        default: bytes += Wire.text(field, "n")
        }
      }
      return bytes
    }
    for _ in 0..<5000 { _ = open(Wire.bytes(7, fields(0))) }
  }
}
