import Attribution
import Graphs
import Kernels
import Operators
import Tensors

/// Models that are written down in a few lines, float64.
enum ToyFunction {
  /// A function of samples of this shape whose output `body` makes.
  ///
  /// - Parameter body: gets the batch and appends nodes without types.
  static func make(
    _ shape: Shape, space: TargetSpace = .logit, isLayer: Bool = false,
    writtenChannels: Int? = nil,
    _ body: (inout GraphBuilder, Value) throws -> Value
  ) throws -> ModelFunction {
    var builder = GraphBuilder()
    let declared = DeclaredType(.float64, [.symbolic("batch")] + shape.map(Dimension.fixed))
    let input = builder.input("x", declared: declared)
    builder.setOutputs([try body(&builder, input)])
    return try ModelFunction(
      builder.graph, explaining: 0, shape: Shape([1] + shape), explainsLayer: isLayer,
      writtenChannels: writtenChannels, space: space, in: Workspace())
  }

  /// The scores Wx + b of samples of any shape, W of one row for each score.
  static func linear(
    _ shape: Shape, _ weights: [[Double]], bias: [Double] = []
  ) throws -> ModelFunction {
    try make(shape) { builder, x in
      let rows = node(&builder, Flatten(), [x], "flat")
      let matrix = builder.constant(
        Tensor(weights.flatMap { $0 }, shape: [weights.count, shape.elementCount]))
      let addend = bias.isEmpty ? [] : [builder.constant(Tensor(bias))]
      return node(&builder, Gemm(transposingB: true), [rows, matrix] + addend, "scores")
    }
  }

  /// A node whose name and value have one name.
  static func node(
    _ builder: inout GraphBuilder, _ operation: any Operator, _ inputs: [Value], _ name: String
  ) -> Value {
    builder.appendUntyped(operation, inputs.map(Optional.some), name: name, outputNames: [name])[0]
  }

  /// An operator as a file spells it.
  static func operation(
    _ name: String, _ attributes: [String: AttributeValue] = [:], inputs: Int = 1
  ) throws -> any Operator {
    var taken = Attributes(attributes, inputCount: inputs)
    guard let type = Registry.operation(named: name, domain: "", opset: 17) else {
      throw ModelError("no operator \(name)")
    }
    return try type.init(&taken)
  }

  /// Numbers between -1 and 1.
  static func point(_ shape: Shape, seed: UInt64 = 1) -> Tensor {
    Tensor.noise(shape: Shape([1] + shape), seed: seed)
  }
}

extension Method {
  /// The map of one score from the zero baseline.
  func map(
    of function: ModelFunction, at point: Tensor, from baseline: Tensor? = nil, target: Int = 0,
    seed: UInt64 = 0
  ) throws -> AttributionMap {
    let start = baseline ?? point.zeros()
    let problem = Problem(
      function, at: point, baseline: start, target: target,
      randomness: Problem.Randomness(seed: seed))
    return try maps(of: problem, from: [start]).maps[0].map
  }
}

/// The largest difference of two lists of numbers; infinite where they are not as long.
func difference(_ a: [Double], _ b: [Double]) -> Double {
  a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
}
