import Ascribe
import Attribution
import Foundation
import Graphs
import Kernels
import ONNXFormat
import Rewrites
import Tensors
import Testing

/// What is done to a gradient graph keeps its numbers, on every network of the test set.
@Suite struct PathTests {
  private static let root = GoldenModel.folder.deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The scores of a model for a batch of two, specialised and simplified.
  private func graph(_ golden: GoldenModel, _ workspace: Workspace) throws -> (Graph, [Tensor]) {
    let file = try ModelFile(opening: GoldenModel.folder.appending(path: golden.model).path)
    let x = try golden.tensor(golden.input).converted(to: .float64).rows(0..<1)
    let batch = Tensor(stacking: [x, x.scaled(by: -0.5)])
    let graph = try file.graph(precision: .float64).specialized(to: [batch.shape], in: workspace)
      .simplified()
    return (graph, [batch])
  }

  private func expectSame(_ a: [Tensor], _ b: [Tensor], within limit: Double) throws {
    #expect(a.count == b.count)
    for (a, b) in zip(a, b) {
      #expect(try distance(a.converted(to: .float64), b.converted(to: .float64)) <= limit)
    }
  }

  @Test(arguments: GoldenModel.all)
  func restOfPrefixIsTheModel(golden: GoldenModel) throws {
    let workspace = Workspace()
    let (graph, inputs) = try graph(golden, workspace)
    guard let split = try graph.splittingAffinePrefix(of: graph.inputs[0]) else { return }
    func prefix(_ x: Tensor) throws -> [Tensor] {
      try Interpreter(split.prefix, in: workspace).run([x])
    }
    let x = inputs[0]
    let expected = try Interpreter(graph, in: workspace).run(inputs)
    let actual = try Interpreter(split.rest, in: workspace).run(inputs + prefix(x))
    try expectSame(actual, expected, within: 1e-12)

    let y = x.scaled(by: -1.7)
    let between = x.scaled(by: 0.75 - 0.25 * 1.7)
    let (start, end) = (try prefix(x), try prefix(y))
    let line = zip(start, end).map { start, end in
      Tensor(
        zip(start.elements(as: Double.self), end.elements(as: Double.self))
          .map { $0 + 0.25 * ($1 - $0) }, shape: start.shape)
    }
    try expectSame(try prefix(between), line, within: 1e-12)
  }

  /// float64 kernels add in one order whatever the graph, so nothing may change.
  @Test(arguments: GoldenModel.all)
  func recordingKeepsEveryNumber(golden: GoldenModel) throws {
    let workspace = Workspace()
    let (graph, inputs) = try graph(golden, workspace)
    let input = graph.inputs[0]
    let plain = try graph.gradient(of: graph.outputs[0], withRespectTo: [input]).graph
    let type = try #require(plain.inputs.last.flatMap { plain.type(of: $0) })
    let seed = Tensor(
      (0..<type.shape.elementCount).map { Double(($0 * 7) % 5) - 1.5 }, shape: type.shape)
    let expected = try Interpreter(plain, in: workspace).run(inputs + [seed])
    let passes: [(Graph) throws -> Graph] = [
      { try $0.recordingMaxima() }, { try $0.recordingSigns() },
      { try $0.recordingMaxima().recordingSigns().withoutDeadNodes() }, { try $0.fused() },
    ]
    for pass in passes {
      let changed = try pass(plain)
      try changed.validate()
      try expectSame(
        try Interpreter(changed, in: workspace).run(inputs + [seed]), expected, within: 1e-14)
    }
    let pooled = try graph.poolingBeforeRelu()
    let gradient = try pooled.gradient(of: pooled.outputs[0], withRespectTo: [pooled.inputs[0]])
    try expectSame(
      try Interpreter(gradient.graph.fused(), in: workspace).run(inputs + [seed]), expected,
      within: 1e-14)
  }

  @Test(arguments: GoldenModel.all)
  func hoistingKeepsTheGraph(golden: GoldenModel) throws {
    let workspace = Workspace()
    let (graph, inputs) = try graph(golden, workspace)
    let gradient = try graph.gradient(
      of: graph.outputs[0], withRespectTo: [graph.inputs[0]]
    ).graph
    let type = try #require(gradient.inputs.last.flatMap { gradient.type(of: $0) })
    let seed = Tensor(repeating: 1.0, shape: type.shape)
    let parts = try gradient.hoistingInvariants(from: [gradient.inputs[0]])
    let known = try Interpreter(parts.invariant, in: workspace).run([seed])
    try expectSame(
      try Interpreter(parts.varying, in: workspace).run(inputs + known),
      try Interpreter(gradient, in: workspace).run(inputs + [seed]), within: 0)
  }

  private static let shapes = root.appending(path: "models/shapes.onnx")

  private func picture() throws -> Tensor {
    let model = try Model(contentsOf: Self.shapes)
    let dimensions = try #require(model.inputs[0].dimensions)
    let shape = Shape([1] + dimensions.dropFirst().map { $0 ?? 1 })
    return Tensor.noise(shape: shape, seed: 3).converted(to: .float32)
  }

  /// Neighbours in a batch change roundings at most.
  @Test func gradientsDoNotDependOnTheBatch() throws {
    let picture = try picture()
    let function = try ModelFunction(
      ModelFile(opening: Self.shapes.path).graph(), explaining: 0, shape: picture.shape,
      in: Workspace())
    let points = (0..<20).map { index in
      Tensor.noise(shape: picture.shape, seed: UInt64(index)).converted(to: .float32)
    }
    let alone = try points.map { try function.gradients(at: $0, targets: [1]).gradients }
    for count in [2, 3, 7, 16, 20] {
      let together = try function.gradients(
        at: Tensor(stacking: Array(points.prefix(count))),
        targets: Array(repeating: 1, count: points.count)
      ).gradients
      for row in 0..<count {
        #expect(try distance(together.rows(row..<(row + 1)), alone[row]) < 1e-5)
      }
    }
  }

  /// Three digits in place of seven; where the processor lacks them, one line that says so.
  @Test(arguments: [(Precision.bf16, 5e-2), (.bf16Gradients, 2e-2)])
  func narrowMapsAreClose(precision: Precision, limit: Double) throws {
    guard Workspace.hasBFloat16 else {
      #expect(throws: ModelError.self) {
        try Model(contentsOf: Self.shapes, precision: precision)
      }
      return
    }
    let picture = try picture()
    func map(_ precision: Precision) throws -> Tensor {
      let model = try Model(contentsOf: Self.shapes, precision: precision)
      var options = AttributionOptions()
      options.method = .integratedGradients(.steps(128, .warped(power: 2)))
      options.targets = [.index(2)]
      let zero = Tensor(repeating: 0 as Float, shape: picture.shape)
      return try ModelSession(model).explain(
        [picture], options: options, baselines: { _ in [zero] })[0][0].map.values
    }
    let error = try distance(try map(precision), try map(.declared))
    #expect(error > 0 && error < limit)
  }

  @Test func mapsAreTheSameBitForBit() throws {
    let (model, picture) = (try Model(contentsOf: Self.shapes), try picture())
    func map(_ session: ModelSession) throws -> [Double] {
      var options = AttributionOptions()
      options.method = .integratedGradients(.steps(50, .warped(power: 2)))
      let zero = Tensor(repeating: 0 as Float, shape: picture.shape)
      return try session.explain([picture], options: options, baselines: { _ in [zero] })[0][0]
        .map.values.elements(as: Double.self)
    }
    let session = ModelSession(model)
    let first = try map(session)
    #expect(try map(session) == first)
    #expect(try map(ModelSession(model)) == first)
  }
}

extension Tensor {
  fileprivate func scaled(by factor: Double) -> Tensor {
    Tensor(elements(as: Double.self).map { factor * $0 }, shape: shape)
  }
}
