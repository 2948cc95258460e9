import Ascribe
import Foundation
import TestSupport
import Testing

/// Exported models, read back and run by this program: their attributions are PyTorch's of
/// `Scripts/goldens.py`. Loops, which it does not run, are onnxruntime's to check: `make parity`.
@Suite struct ExportTests {
  private func exported(
    _ path: URL, _ scratch: Scratch, _ change: (inout ExportOptions) -> Void
  ) throws -> (report: ExportReport, session: ModelSession) {
    var options = ExportOptions()
    change(&options)
    let output = URL(filePath: scratch.path + "/explained.onnx")
    let exported = try Model(contentsOf: path).exported(options)
    try exported.write(to: output)
    return (exported.report, ModelSession(try Model(contentsOf: output)))
  }

  private func output(
    _ name: String, of session: ModelSession, for inputs: [Tensor]
  ) throws -> Tensor {
    let index = try #require(session.model.outputs.firstIndex { $0.name == name })
    return try session.run(inputs)[index]
  }

  @Test(arguments: GoldenModel.all, [17, 18, 21])
  func gradientsEqualAutograd(golden: GoldenModel, opset: Int) throws {
    let source = GoldenModel.folder.appending(path: golden.model)
    guard try Model(contentsOf: source).summaryOpset <= opset else { return }
    let scratch = try Scratch()
    defer { withExtendedLifetime(scratch) {} }
    let first = ModelSession(try Model(contentsOf: source)).firstOutput
    let (report, session) = try exported(source, scratch) { options in
      options.method = .gradient
      options.target = .input
      options.space = first
      options.opset = opset
    }
    #expect(report.opset == opset)
    #expect(report.inputs.last?.name == "target")
    let input = try golden.tensor(golden.input).converted(to: .float32)
    let targets = Tensor(golden.targets.map(Int64.init))
    let gradient = try output("attribution", of: session, for: [input, targets])
    #expect(try distance(gradient, try golden.tensor(golden.gradient)) < 1e-3)
    // In float64 nothing flips: what is left are constants that the file holds in float32.
    let exact = ModelSession(try Model(contentsOf: session.model.url, precision: .float64))
    let wide = try golden.tensor(golden.input)
    let steady = try output("attribution", of: exact, for: [wide, targets])
    #expect(try distance(steady, try golden.tensor(golden.gradient)) < 1e-6)
    let own = try #require(session.model.outputs.first?.name)
    let scores = try output(own, of: session, for: [input, targets])
    #expect(try distance(scores, try golden.tensor(golden.output)) < 1e-5)
  }

  @Test(arguments: ConvertedModel.paths)
  func batchesOfAnySizeAreExplainedRowByRow(path: String) throws {
    let (report, session) = try exported(URL(filePath: path), try Scratch()) {
      $0.method = .inputXGradient
    }
    #expect(report.batch == nil)
    let extents = try #require(session.model.inputs[0].dimensions).dropFirst().map { $0 ?? 1 }
    let rows = 4
    var generator = Random(state: 11)
    let shape = Shape([rows] + extents)
    let batch = Tensor(
      (0..<shape.elementCount).map { _ in Float.random(in: -1...1, using: &generator) },
      shape: shape)
    let names = ["attribution", "target", "score", "completeness_error"]
    let together = try session.run([batch])
    var options = AttributionOptions()
    options.method = .inputXGradient
    let explanations = try ModelSession(try Model(contentsOf: URL(filePath: path)))
      .explain([batch], options: options, baselines: { [$0] })
    for row in 0..<rows {
      let alone = try session.run([batch.rows(row..<(row + 1))])
      let explanation = try #require(explanations[row].first)
      for name in names {
        let index = try #require(session.model.outputs.firstIndex { $0.name == name })
        let part = together[index].rows(row..<(row + 1))
        #expect(part.shape == alone[index].shape)
        let numbers = part.converted(to: .float64).elements(as: Double.self)
        switch name {
        case "attribution": #expect(try distance(part, explanation.map.values) < 1e-3)
        case "target": #expect(numbers == [Double(explanation.target.index)])
        case "score": #expect(abs(numbers[0] - explanation.map.score) < 1e-4)
        default: #expect(abs(numbers[0] - explanation.map.completenessError) < 1e-3)
        }
      }
    }
  }

  @Test func theMethodIsChosenAsAttributeChoosesIt() throws {
    let models = GoldenModel.folder.deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "models/pairs")
    let scratch = try Scratch()
    let bare = try exported(models.appending(path: "alexnet-x.onnx"), scratch) { _ in }
    #expect(bare.report.method == "xg")
    let path = scratch.path + "/ig.onnx"
    var options = ExportOptions()
    options.method = try Method("auto", defaults: MethodDefaults(.steps(10, .warped(power: 2))))
    let regular = try Model(contentsOf: models.appending(path: "alexnet.onnx")).exported(options)
    try regular.write(to: URL(filePath: path))
    #expect(regular.report.method == "ig")
    #expect(regular.report.chunk == 5)
    // The loop is valid ONNX, and this program says that it does not run it.
    let error = #expect(throws: ModelError.self) { try Model(contentsOf: URL(filePath: path)) }
    #expect(error?.description.contains("Loop") == true)
  }

  @Test func aTargetMayBeFixed() throws {
    let golden = try #require(GoldenModel.all.first { $0.name == "perceptron" })
    let source = GoldenModel.folder.appending(path: golden.model)
    let (report, session) = try exported(source, try Scratch()) {
      $0.method = .gradient
      $0.target = .index(1)
    }
    #expect(report.target == "1")
    let input = try golden.tensor(golden.input).converted(to: .float32)
    let target = try output("target", of: session, for: [input])
    #expect(target.elements(as: Int64.self).allSatisfy { $0 == 1 })
  }

  @Test func theNumberOfSamplesMayBeFixed() throws {
    let golden = try #require(GoldenModel.all.first { $0.name == "residual" })
    let source = GoldenModel.folder.appending(path: golden.model)
    let (report, session) = try exported(source, try Scratch()) {
      $0.method = .gradient
      $0.batch = 2
    }
    #expect(report.batch == 2)
    #expect(session.model.inputs[0].dimensions?.first == 2)
    #expect(session.model.outputs.allSatisfy { $0.dimensions?.first == 2 })
  }
}

extension Model {
  /// The opset of the standard operators that the file imports.
  fileprivate var summaryOpset: Int {
    get throws { try ModelSummary(contentsOf: url).opsets["ai.onnx"] ?? 0 }
  }
}
