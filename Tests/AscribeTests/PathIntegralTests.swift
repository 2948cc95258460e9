import Attribution
import Foundation
import Graphs
import Kernels
import ONNXFormat
import Operators
import Tensors
import TestSupport
import Testing

/// Integration to a tolerance and exactly, beside many midpoints.
@Suite struct PathIntegralTests {
  /// Small networks of ReLUs and maxima, trained by nobody: PyTorch's own initial weights.
  static let networks = ["convolutions", "dense", "residual", "inception", "shuffle"]

  private func function(
    _ name: String, _ precision: Precision = .float64
  ) throws -> (ModelFunction, Tensor) {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Golden")
    let graph = try ModelFile(opening: folder.appending(path: "\(name).onnx").path)
      .graph(precision: precision)
    let batch = try Tensor(
      npy: [UInt8](Data(contentsOf: folder.appending(path: "\(name).input.npy"))))
    let point = batch.rows(0..<1)
    return (
      try ModelFunction(
        graph, explaining: 0, shape: point.shape, precision: precision, in: Workspace()), point
    )
  }

  private func distance(_ a: Tensor, _ b: Tensor) -> Double {
    let (a, b) = (a.elements(as: Double.self), b.elements(as: Double.self))
    let difference = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    return (difference / b.reduce(0) { $0 + $1 * $1 }).squareRoot()
  }

  /// The error of n midpoints is at most the jumps of the gradient over n: 1e-3 here.
  @Test(arguments: networks)
  func exactIsTheLimitOfManySteps(network: String) throws {
    let (function, point) = try function(network)
    let scores = try function.scores(at: Tensor(stacking: [point, point.zeros()]))
    let exact = try function.pathIntegral(
      from: point.zeros(), to: point, target: 0, by: .exact)
    let many = try function.pathIntegral(
      from: point.zeros(), to: point, target: 0, by: .steps(2000, .midpoint))
    #expect(distance(many.values, exact.values) < 2e-3)
    let sum = exact.values.elements(as: Double.self).reduce(0, +)
    #expect(abs(sum - (scores[0][0] - scores[1][0])) < 1e-10)
  }

  /// Three or four lines share a batch of 16, the last batch has one.
  @Test(
    arguments: networks + ["transformer"],
    [Integration.steps(5, .gaussLegendre), .secant(3), .automatic(4)])
  func linesThatShareBatchesGiveWhatTheyGiveAlone(
    network: String, integration: Integration
  ) throws {
    for (precision, limit) in [(Precision.float64, 1e-12), (.declared, 1e-5)] {
      let (function, point) = try function(network, precision)
      guard ((try? function.linesTogether(by: integration)) ?? 1) > 1 else {
        #expect(network == "transformer")
        continue
      }
      let lines = (0..<7).map { number in
        let noise = Tensor.noise(shape: point.shape, seed: UInt64(number))
        return PathLine(
          from: number % 2 == 0
            ? point.zeros().converted(to: function.elementType)
            : noise.converted(to: function.elementType),
          to: Tensor(point.doubles.map { $0 * (1 - 0.1 * Double(number)) }, shape: point.shape)
            .converted(to: function.elementType))
      }
      let targets = (0..<7).map { $0 % 2 }
      let before = function.passes
      let together = try function.pathIntegrals(along: lines, targets: targets, by: integration)
      let passes = function.passes - before
      #expect(together.count == 7)
      let beforeEach = function.passes
      for (number, line) in lines.enumerated() {
        let alone = try function.pathIntegral(
          from: line.start, to: line.end, target: targets[number], by: integration)
        #expect(distance(together[number].values, alone.values) < limit)
        #expect(together[number].steps == alone.steps)
      }
      #expect(function.passes - beforeEach == passes)
    }
  }

  @Test(arguments: networks, [0.1, 0.02])
  func theErrorIsBelowTheTolerance(network: String, tolerance: Double) throws {
    let (function, point) = try function(network)
    let exact = try function.pathIntegral(
      from: point.zeros(), to: point, target: 1, by: .exact)
    let refined = try function.pathIntegral(
      from: point.zeros(), to: point, target: 1, by: .tolerance(tolerance))
    #expect(distance(refined.values, exact.values) < tolerance)
    #expect(try #require(refined.estimatedError) <= tolerance)
  }

  /// At a flat baseline all places of a window are equal but for rounding, which differs between kernels:
  /// it must not decide who gets the gradient.
  @Test(arguments: ["alexnet", "vgg"], [3, 8])
  func roundingOfEqualMaximaDecidesNothing(network: String, pieces: Int) throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "models/pairs/\(network).onnx").path
    var generator = Random(state: 5)
    let shape: Shape = [1, 3, 64, 64]
    let point = Tensor(
      (0..<shape.elementCount).map { _ in Double.random(in: -2...2, using: &generator) },
      shape: shape)
    let maps = try [(Precision.declared, point.converted(to: .float32)), (.float64, point)].map {
      precision, point in
      let graph = try ModelFile(opening: path).graph(precision: precision)
      let function = try ModelFunction(
        graph, explaining: 0, shape: shape, precision: precision, in: Workspace())
      return try function.pathIntegral(
        from: point.zeros(), to: point, target: 2, by: .secant(pieces)
      ).values
    }
    #expect(distance(maps[0], maps[1]) < 5e-4)
  }

  /// Networks without mean slopes are refined from gradients at points.
  @Test func smoothNetworksAreRefinedToo() throws {
    let (function, point) = try function("transformer")
    let many = try function.pathIntegral(
      from: point.zeros(), to: point, target: 0, by: .steps(400, .gaussLegendre))
    let refined = try function.pathIntegral(
      from: point.zeros(), to: point, target: 0, by: .tolerance(0.02))
    #expect(distance(refined.values, many.values) < 0.02)
  }

  /// The power is that of one sample and all its scores: neither the target nor other targets matter.
  @Test(arguments: networks)
  func thePilotChoosesAFixedRule(network: String) throws {
    let (function, point) = try function(network)
    let before = function.passes
    let piloted = try function.pathIntegrals(
      from: point.zeros(), to: point, targets: [1, 0], by: .piloted(16))
    #expect(function.passes.forward - before.forward == 16 + WarpPilot.positions.count)
    #expect(function.passes.backward - before.backward == 32)
    let rule = try #require(piloted[0].rule.flatMap { Quadrature($0) })
    #expect(piloted[1].rule == rule.description)
    #expect(WarpPilot.powers.map { .warped(power: $0) }.contains(rule))
    let fixed = try function.pathIntegrals(
      from: point.zeros(), to: point, targets: [0], by: .steps(16, rule))
    #expect(
      fixed[0].values.elements(as: Double.self) == piloted[1].values.elements(as: Double.self))
    #expect(fixed[0].rule == nil)
  }

  @Test func everyBaselineHasItsOwnPower() throws {
    let (function, point) = try function("convolutions")
    let far = Tensor(point.doubles.map { -40 * $0 }, shape: point.shape)
    let baselines = [point.zeros(), far]
    let problem = Problem(function, at: point, baseline: baselines[0], target: 0)
    let map = try Method("ig:16:quadrature=warped").maps(of: problem, from: baselines).maps[0].map
    let alone = try baselines.map {
      try function.pathIntegral(from: $0, to: point, target: 0, by: .piloted(16))
    }
    #expect(map.rules == alone.map(\.rule))
    #expect(map.passes == Passes(forward: 46, backward: 32))
  }

  @Test func exactIntegrationNeedsLinearPieces() throws {
    let (function, point) = try function("perceptron")
    let error = #expect(throws: ModelError.self) {
      try function.pathIntegral(from: point.zeros(), to: point, target: 0, by: .exact)
    }
    #expect(error?.kind == .usage)
    #expect(error?.description.contains("Tanh") == true)
  }

  @Test func targetsShareForwardPasses() throws {
    let (function, point) = try function("convolutions")
    let problem = Problem(function, at: point, baseline: point.zeros()) { _ in [2, 0, 1] }
    let maps = try IntegratedGradients(.steps(16, .midpoint)).maps(of: problem)
    #expect(maps.map(\.map.passes.forward) == [18, 0, 0])
    #expect(maps.map(\.map.passes.backward) == [16, 16, 16])
    for result in maps {
      let alone = try function.pathIntegral(
        from: point.zeros(), to: point, target: result.target, by: .steps(16, .midpoint))
      #expect(distance(result.map.values, alone.values) < 1e-12)
    }
  }

  @Test func gradientsOfTargetsShareForwardPasses() throws {
    let (function, point) = try function("residual")
    let before = function.passes
    let shared = try function.gradients(at: point, choosing: { _ in [1, 0] }, count: 2)
    #expect(function.passes.forward - before.forward == 1)
    for (target, gradient) in zip([1, 0], shared.gradients) {
      let alone = try function.gradients(at: point, targets: [target]).gradients
      #expect(distance(gradient, alone) < 1e-12)
    }
  }
}
