import Foundation
import Tensors
import TestSupport
import Testing

/// Damaged copies of the shipped model: the program may refuse them, never crash.
struct FuzzTests {
  private static let copiesPerSeed = 75

  /// The file with a few bytes changed or its end cut off. Nodes stand in the first bytes, inputs and
  /// outputs in the last; weights, which are nearly all of the file, break nothing.
  private func damaged(_ whole: [UInt8], _ random: inout Random) -> [UInt8] {
    let ends = [0..<3000, (whole.count - 400)..<whole.count, 0..<whole.count]
    let part = ends[Int.random(in: 0..<3, using: &random)]
    var copy = whole
    switch Int.random(in: 0..<4, using: &random) {
    case 0: copy.removeLast(whole.count - Int.random(in: part, using: &random))
    case 1: copy.removeSubrange(part.randomElement(using: &random).map { $0..<($0 + 1) } ?? 0..<0)
    default:
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        copy[Int.random(in: part, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
    }
    return copy
  }

  @Test(arguments: [2024, 2025, 2026, 2027] as [UInt64])
  func damagedModels(seed: UInt64) throws {
    let scratch = try Scratch()
    let whole = try bytes(of: Program.shapes)
    try scratch.write(
      "model.preprocess.json",
      try bytes(
        of: Program.packageRoot + "/models/shapes.preprocess.json"))
    var random = Random(state: seed)
    var refused = 0
    for number in 0..<Self.copiesPerSeed {
      let model = try scratch.write("model.onnx", damaged(whole, &random))
      for arguments in [["inspect", model], ["run", model, Program.star]] {
        let outcome = try Program.run(arguments, environment: ["OMP_NUM_THREADS": "1"])
        let isSound = outcome.code == 0 && outcome.complaints.isEmpty
        let isRefused =
          [65, 66].contains(outcome.code) && outcome.complaints.count == 1
          && outcome.errors.hasPrefix("error: ")
        #expect(
          isSound || isRefused,
          "copy \(number), \(arguments[0]): code \(String(describing: outcome.code)), signal \(String(describing: outcome.signal)), \(outcome.errors)"
        )
        if isRefused { refused += 1 }
      }
    }
    // The damage is not all in the weights.
    #expect(refused > Self.copiesPerSeed / 4)
  }
}
