import Foundation
import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// One example of one operator, as an argument of the tests below.
struct OperatorCase: Sendable, CustomTestStringConvertible {
  let type: any Operator.Type
  let example: Example

  var testDescription: String { "\(type.specification.name): \(example.description)" }

  static let all = Registry.operators.flatMap { type in
    type.examples.map { OperatorCase(type: type, example: $0) }
  }

  func operation(precision: Precision) throws -> any Operator {
    var attributes = Attributes(
      example.attributes, opset: min(example.opset, type.specification.opsets.upperBound),
      inputCount: example.inputs.count, outputCount: example.outputs.count, precision: precision)
    let operation = try type.init(&attributes)
    #expect(attributes.untaken.isEmpty)
    return operation
  }

  func inputs(_ floats: ElementType) -> [Tensor?] {
    example.inputs.map { $0.map { $0.elementType == .float64 ? $0.converted(to: floats) : $0 } }
  }
}

@Suite struct ExampleTests {
  @Test func everyOperatorHasExamples() {
    for type in Registry.operators {
      #expect(!type.examples.isEmpty, "\(type.specification.name) has no example")
    }
  }

  @Test(arguments: OperatorCase.all, [ElementType.float64, .float32])
  func forwardGivesTheExpectedOutputs(test: OperatorCase, floats: ElementType) throws {
    let operation = try test.operation(precision: floats == .float64 ? .float64 : .declared)
    let inputs = test.inputs(floats)
    let workspace = Workspace()
    let types = try operation.infer(inputs.map { $0.map(Operand.init(constant:)) })
    let outputs = try operation.forward(inputs, in: workspace).map(workspace.rowMajor)
    #expect(outputs.count == test.example.outputs.count)
    let tolerance = floats == .float64 ? 1e-9 : test.example.tolerance
    for (index, (output, expected)) in zip(outputs, test.example.outputs).enumerated() {
      #expect(TensorType(of: output) == types[index])
      #expect(output.shape == expected.shape)
      if expected.elementType != .float64 { #expect(output.elementType == expected.elementType) }
      try expectClose(output, expected, within: tolerance)
    }
  }

  @Test(arguments: OperatorCase.all.filter { !$0.example.differentiable.isEmpty })
  func gradientAgreesWithCentralDifferences(test: OperatorCase) throws {
    let operation = try test.operation(precision: .float64)
    let inputs = test.inputs(.float64)
    let workspace = Workspace()
    var builder = GraphBuilder()
    var differentiable: [Value] = []
    let values = inputs.enumerated().map { index, tensor -> Value? in
      guard let tensor else { return nil }
      guard test.example.differentiable.contains(index) else { return builder.constant(tensor) }
      let value = builder.input("x\(index)", TensorType(of: tensor))
      differentiable.append(value)
      return value
    }
    let output = try builder.append(operation, values)[0]
    builder.setOutputs([output])
    let gradient = try builder.graph.gradient(of: output, withRespectTo: differentiable)

    var generator = SplitMix64(seed: 7)
    let point = differentiable.indices.map {
      inputs[test.example.differentiable[$0]] ?? Tensor([0.0])
    }
    let direction = point.map { random(like: $0, &generator) }
    let interpreter = Interpreter(gradient.graph, in: workspace)
    func run(_ step: Double, seed: Tensor) throws -> [Tensor] {
      try interpreter.run(zip(point, direction).map { add($0, step, $1) } + [seed])
    }
    let zero = Tensor(repeating: 0.0, shape: try #require(builder.graph.type(of: output)).shape)
    let covector = random(like: zero, &generator)
    let step = 1e-4
    let forward = dot(covector, try run(step, seed: zero)[0])
    let backward = dot(covector, try run(-step, seed: zero)[0])
    let numeric = (forward - backward) / (2 * step)
    let results = try run(0, seed: covector)
    let analytic = zip(results.dropFirst(), direction).map(dot).reduce(0, +)
    #expect(
      abs(numeric - analytic) <= 1e-6 * max(1, abs(numeric)), "\(numeric), rule \(analytic)")
  }
}

/// A small seeded generator: <https://prng.di.unimi.it/splitmix64.c>.
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

func expectClose(_ actual: Tensor, _ expected: Tensor, within tolerance: Double) throws {
  let a = actual.converted(to: .float64).elements(as: Double.self)
  let b = expected.converted(to: .float64).elements(as: Double.self)
  try #require(a.count == b.count)
  let scale = max(b.filter(\.isFinite).map(abs).max() ?? 1, 1)
  for (x, y) in zip(a, b) {
    #expect(
      x == y || (x.isNaN && y.isNaN) || abs(x - y) <= tolerance * scale, "\(x) is not \(y)")
  }
}

private func random(like tensor: Tensor, _ generator: inout SplitMix64) -> Tensor {
  let elements = (0..<tensor.elementCount).map { _ in
    Double.random(in: -1...1, using: &generator)
  }
  return Tensor(elements, shape: tensor.shape)
}

private func add(_ a: Tensor, _ scale: Double, _ b: Tensor) -> Tensor {
  let elements = zip(a.elements(as: Double.self), b.elements(as: Double.self))
  return Tensor(elements.map { $0 + scale * $1 }, shape: a.shape)
}

private func dot(_ a: Tensor, _ b: Tensor) -> Double {
  zip(a.elements(as: Double.self), b.elements(as: Double.self)).reduce(0) { $0 + $1.0 * $1.1 }
}
