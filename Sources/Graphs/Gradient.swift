import Kernels
import Tensors

/// A graph that computes an output and the gradients of it with respect to some values.
package struct GradientGraph: Sendable {
  /// The graph: the inputs of the original and then the seed; the outputs of the original and then
  /// the gradients.
  package let graph: Graph
  /// The gradient of the final scalar with respect to `output`: an input of the graph, of the
  /// output's type, so that one graph serves every target.
  package let seed: Value
  /// One value per value asked for, of its shape.
  package let gradients: [Value]
  /// Per value asked for, whether a gradient arrived; where none did, it is the constant zero.
  package let arrives: [Bool]
}

/// Rules that take the place of the operators' own in a gradient walk, as the methods need that are
/// more than a gradient.
package protocol GradientRules: Sendable {
  /// Appends the nodes that stand for the gradients of the inputs of a node.
  ///
  /// - Returns: what `Operator.gradient` returns; nil where the operator's own rule holds.
  /// - Throws: if neither is defined.
  func gradients(_ context: inout GradientContext) throws(OperatorError) -> [Value?]?
}

extension Graph {
  /// Appends the nodes that compute the gradient of `output` with respect to `values`.
  ///
  /// Only nodes on a path between the two are visited. Gradients of a value with several readers are
  /// added, and gradients of broadcast operands are summed to their shape, here and nowhere else.
  ///
  /// - Parameter rules: asked at each node before its operator is.
  /// - Throws: `ModelError` that names a node on the path whose rule is not defined.
  package func gradient(
    of output: Value, withRespectTo values: [Value], rules: (any GradientRules)? = nil
  ) throws(ModelError) -> GradientGraph {
    var walk = GradientWalk(self, rules)
    return try walk.run(from: output, to: values)
  }
}

private struct GradientWalk {
  private let source: Graph
  private let rules: (any GradientRules)?
  private var builder: GraphBuilder
  /// The gradients that arrived at each value so far.
  private var arrived: [[Value]]

  init(_ source: Graph, _ rules: (any GradientRules)?) {
    self.source = source
    self.rules = rules
    self.builder = GraphBuilder(source)
    self.arrived = Array(repeating: [], count: source.records.count)
  }

  mutating func run(from output: Value, to values: [Value]) throws(ModelError) -> GradientGraph {
    guard let type = source.type(of: output), type.elementType.isFloatingPoint else {
      throw ModelError("output '\(source.name(of: output))' is not a floating-point tensor")
    }
    let seed = builder.input("gradient of \(source.name(of: output))", type)
    arrived[output.index] = [seed]
    let isWanted = valuesThatDepend(on: values)
    for node in source.nodes.reversed() where node.outputs.contains(where: { isWanted[$0.index] }) {
      do throws(OperatorError) {
        try visit(node, isWanted)
      } catch {
        throw ModelError(error, in: node, of: source)
      }
    }
    let arrives = values.map { !arrived[$0.index].isEmpty }
    var gradients: [Value] = []
    for value in values { gradients.append(try total(at: value)) }
    builder.setOutputs(source.outputs + gradients)
    return GradientGraph(
      graph: builder.graph, seed: seed, gradients: gradients, arrives: arrives)
  }

  private mutating func visit(_ node: Node, _ isWanted: [Bool]) throws(OperatorError) {
    var outputGradients: [Value?] = []
    for output in node.outputs { outputGradients.append(try sum(arrived[output.index])) }
    guard outputGradients.contains(where: { $0 != nil }) else { return }
    let inputGradients = try builder.appendGradient(
      of: node, outputGradients, wanted: node.inputs.map { $0.map { isWanted[$0.index] } ?? false },
      rules: rules)
    for (input, gradient) in zip(node.inputs, inputGradients) {
      guard let input, let gradient, isWanted[input.index] else { continue }
      arrived[input.index].append(try fitted(gradient, to: input))
    }
  }

  /// The gradient of an operand that was stretched, summed back to the operand's shape.
  private mutating func fitted(_ gradient: Value, to input: Value) throws(OperatorError) -> Value {
    guard let wanted = source.type(of: input), let actual = builder.graph.type(of: gradient),
      wanted.shape != actual.shape
    else { return gradient }
    return try builder.append(SumToShape(wanted.shape), gradient)
  }

  private mutating func sum(_ gradients: [Value]) throws(OperatorError) -> Value? {
    guard gradients.count > 1 else { return gradients.first }
    return try builder.append(Accumulate(), gradients.map(Optional.some))[0]
  }

  private mutating func total(at value: Value) throws(ModelError) -> Value {
    do throws(OperatorError) {
      if let gradient = try sum(arrived[value.index]) { return gradient }
    } catch {
      throw ModelError(error.description)
    }
    guard let type = source.type(of: value) else {
      throw ModelError("'\(source.name(of: value))' has no type")
    }
    let zero = Tensor(repeating: 0 as Float, shape: type.shape).converted(to: type.elementType)
    return builder.constant(zero, name: "gradient of \(source.name(of: value))")
  }

  /// By value index, whether a floating-point value is one of `roots` or computed from them.
  private func valuesThatDepend(on roots: [Value]) -> [Bool] {
    var depends = [Bool](repeating: false, count: source.records.count)
    for root in roots { depends[root.index] = true }
    for node in source.nodes
    where node.inputs.contains(where: { $0.map { depends[$0.index] } ?? false }) {
      for output in node.outputs {
        depends[output.index] = source.type(of: output)?.elementType.isFloatingPoint ?? false
      }
    }
    for root in roots { depends[root.index] = true }
    return depends
  }
}

extension GraphBuilder {
  /// Appends the nodes of an operator's gradient rule, or of the rule that takes its place.
  ///
  /// - Returns: per input its gradient, where there is one.
  package mutating func appendGradient(
    of node: Node, _ outputGradients: [Value?], wanted: [Bool], rules: (any GradientRules)? = nil
  ) throws(OperatorError) -> [Value?] {
    // The builder changes hands, since two of one graph would copy it at every node.
    var context = GradientContext(
      node: node, outputGradients: outputGradients, wanted: wanted, builder: GraphBuilder())
    swap(&self, &context.builder)
    defer { swap(&self, &context.builder) }
    if let gradients = try rules?.gradients(&context) { return gradients }
    return try node.operation.gradient(&context)
  }
}

/// What a gradient rule sees: its node, the gradients of its outputs, and a builder to append to.
package struct GradientContext {
  package let node: Node
  /// One gradient per output; nil for an output that the target does not depend on.
  package let outputGradients: [Value?]
  /// Per input, whether its gradient is asked for.
  package let wanted: [Bool]
  package var builder: GraphBuilder

  /// The value of an input that is there.
  package func input(_ index: Int) throws(OperatorError) -> Value {
    guard index < node.inputs.count, let value = node.inputs[index] else {
      throw OperatorError("input \(index) is missing")
    }
    return value
  }

  /// The value of an output.
  package func output(_ index: Int = 0) -> Value { node.outputs[index] }

  /// The gradient of the first output.
  package func outputGradient() throws(OperatorError) -> Value {
    guard let gradient = outputGradients.first ?? nil else {
      throw OperatorError("the gradient with respect to its other outputs is not defined")
    }
    return gradient
  }

  /// Whether the gradient of an input is asked for.
  package func wants(_ index: Int) -> Bool { index < wanted.count && wanted[index] }

  /// Refuses to go on if the gradient of an input is asked for; `role` names the input.
  package func refuseGradient(of index: Int, _ role: String) throws(OperatorError) {
    if wants(index) { throw OperatorError("the gradient with respect to \(role) is not defined") }
  }

  /// The type of a value.
  package func type(of value: Value) throws(OperatorError) -> TensorType {
    guard let type = builder.graph.type(of: value) else {
      throw OperatorError("'\(builder.graph.name(of: value))' has no type")
    }
    return type
  }

  /// Appends a node of one output.
  package mutating func append(
    _ operation: any Operator, _ inputs: Value?...
  ) throws(OperatorError) -> Value {
    try builder.append(operation, inputs, name: "\(node.name)/gradient", outputNames: [])[0]
  }

  /// A constant scalar of the element type of `value`.
  package mutating func scalar(_ number: Double, like value: Value) throws(OperatorError) -> Value {
    let type = try type(of: value).elementType
    return builder.constant(Tensor(scalar: number).converted(to: type))
  }

  /// A constant vector of integers, such as a shape.
  package mutating func integers(_ numbers: [Int]) -> Value {
    builder.constant(Tensor(numbers.map(Int64.init)))
  }
}
