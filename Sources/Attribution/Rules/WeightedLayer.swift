import Graphs
import Kernels
import Operators
import Tensors

/// A node that multiplies a value by constant weights, so that rules may look at the sign of each
/// contribution.
struct WeightedLayer {
  private let node: Node
  /// Which input is multiplied.
  let operand: Int
  private let weights: Int
  private let bias: Int
  /// The signs of the factors that the operator applies to weights and bias.
  private let (weightsSign, biasSign): (Double, Double)

  /// Nil if the node is none.
  ///
  /// - Parameter varying: the inputs that depend on the explained one.
  init?(_ node: Node, varying: [Int], in graph: Graph) {
    guard varying.count == 1, let operand = varying.first, operand < 2 else { return nil }
    switch node.operation {
    case is Conv, is ConvTranspose:
      guard operand == 0 else { return nil }
      (weightsSign, biasSign) = (1, 1)
    case let gemm as Gemm:
      (weightsSign, biasSign) = (gemm.alpha < 0 ? -1 : 1, gemm.beta < 0 ? -1 : 1)
    case is MatMul: (weightsSign, biasSign) = (1, 1)
    default: return nil
    }
    weights = 1 - operand
    bias = 2
    self.operand = operand
    self.node = node
    guard isConstant(weights, graph) else { return nil }
    if bias < node.inputs.count, node.inputs[bias] != nil, !isConstant(bias, graph) { return nil }
  }

  /// Whether it is a convolution, and no product with a matrix.
  var isConvolution: Bool { !(node.operation is Gemm || node.operation is MatMul) }

  /// The layer applied to another operand, with other weights.
  ///
  /// - Parameters:
  ///   - hasBias: whether it adds its bias.
  ///   - change: makes a weight of what a weight counts, its sign that of the contribution to a
  ///     positive operand; the bias likewise. Nil leaves both as they are.
  func append(
    to context: inout GradientContext, on value: Value, hasBias: Bool,
    _ change: ((_ weight: Double) -> Double)?
  ) throws(OperatorError) -> Node {
    var inputs = node.inputs
    inputs[operand] = value
    if let change { inputs[weights] = try changed(weights, weightsSign, &context, change) }
    if !hasBias {
      inputs = Array(inputs.prefix(bias))
    } else if let change, bias < inputs.count, inputs[bias] != nil {
      inputs[bias] = try changed(bias, biasSign, &context, change)
    }
    _ = try context.builder.append(node.operation, inputs, name: node.name)
    guard let appended = context.builder.graph.nodes.last else {
      throw OperatorError("no node was appended")
    }
    return appended
  }

  private func changed(
    _ place: Int, _ sign: Double, _ context: inout GradientContext,
    _ change: (_ weight: Double) -> Double
  ) throws(OperatorError) -> Value {
    let graph = context.builder.graph
    guard let value = node.inputs[place], let tensor = graph.constant(of: value) else {
      throw OperatorError("the weights are not constant")
    }
    let changed: Tensor
    if tensor.elementType == .float32 {
      let elements = tensor.withElements(as: Float.self) { elements in
        elements.map { Float(sign * change(sign * Double($0))) }
      }
      changed = Tensor(elements, shape: tensor.shape)
    } else {
      let elements = tensor.converted(to: .float64).elements(as: Double.self)
      changed = Tensor(elements.map { sign * change(sign * $0) }, shape: tensor.shape)
        .converted(to: tensor.elementType)
    }
    return context.builder.constant(changed, name: "\(graph.name(of: value)) by rule")
  }

  private func isConstant(_ place: Int, _ graph: Graph) -> Bool {
    node.inputs[place].map { graph.storedConstant(of: $0) != nil } ?? false
  }
}
