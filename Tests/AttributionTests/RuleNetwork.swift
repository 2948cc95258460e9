import Attribution
import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// Small networks, node by node, for methods that replace the rules of nodes.
struct RuleNetwork {
  private(set) var builder = GraphBuilder()
  /// The input: a batch of points.
  let x: Value
  private let shape: Shape

  /// - Parameters:
  ///   - shape: of a point.
  ///   - rows: how many points it takes at once.
  init(_ shape: Shape, rows: Dimension = .symbolic("batch")) {
    self.shape = shape
    let dimensions = shape.map(Dimension.fixed)
    x = builder.input(
      "x", declared: DeclaredType(.float64, [rows] + dimensions))
  }

  /// A node of one output.
  mutating func node(
    _ operation: any Operator, _ inputs: Value..., name: String = "node"
  ) -> Value {
    builder.appendUntyped(
      operation, inputs.map(Optional.some), name: name, outputNames: [name])[0]
  }

  /// A node of an operator by its name.
  mutating func node(
    _ name: String, _ attributes: [String: AttributeValue] = [:], _ inputs: Value...
  ) throws -> Value {
    let type = try #require(Registry.operation(named: name, domain: "", opset: 17))
    var values = Attributes(attributes, opset: 17, inputCount: inputs.count)
    return builder.appendUntyped(
      try type.init(&values), inputs.map(Optional.some), name: name, outputNames: [name])[0]
  }

  /// A constant of float64.
  mutating func constant(_ elements: [Double], _ shape: Shape) -> Value {
    builder.constant(Tensor(elements, shape: shape))
  }

  /// A constant of int64, such as a shape.
  mutating func integers(_ numbers: [Int]) -> Value {
    builder.constant(Tensor(numbers.map(Int64.init)))
  }

  /// The function whose scores are a value.
  func function(_ scores: Value) throws -> ModelFunction {
    var builder = builder
    builder.setOutputs([scores])
    return try ModelFunction(
      builder.graph, explaining: 0, shape: Shape([1] + shape), in: Workspace())
  }

  /// The map of score 0 at a point from zero.
  func map(
    _ item: String, of scores: Value, at point: [Double], from baseline: [Double]? = nil
  ) throws -> AttributionMap {
    let function = try function(scores)
    let point = Tensor(point, shape: Shape([1] + shape))
    let start = baseline.map { Tensor($0, shape: point.shape) } ?? point.zeros()
    let problem = Problem(function, at: point, baseline: start, target: 0)
    return try Method(item).maps(of: problem, from: [start]).maps[0].map
  }
}

/// Whether numbers are the same but for rounding.
func isClose(_ map: AttributionMap, _ expected: [Double], within tolerance: Double = 1e-12) -> Bool
{
  map.values.elementCount == expected.count
    && zip(map.values.doubles, expected).allSatisfy { abs($0 - $1) <= tolerance }
}
