import Graphs
import Operators

/// What rules that replace gradients tell nodes apart by.
extension Node {
  /// Whether the outputs are elements of the input at other places, or constants.
  var movesElements: Bool { Self.movers.contains(operatorName) }

  private static let movers: Set = [
    "Cast", "CastLike", "CenterCropPad", "Compress", "Concat", "DepthToSpace", "Dropout", "Expand",
    "Flatten", "Gather", "GatherElements", "GatherND", "Identity", "Pad", "Reshape",
    "ReverseSequence", "Slice", "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose",
    "Unsqueeze",
  ]

  /// Whether each output is the largest, or the least, of some elements of the input.
  var selectsMaxima: Bool {
    ["MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin"].contains(operatorName)
  }

  /// Whether each element of the output is computed from one element of each input.
  var isElementwise: Bool {
    operation is any ElementwiseUnary || Self.elementwise.contains(operatorName)
  }

  private static let elementwise: Set = ["Clip", "Div", "Max", "Min", "Pow", "PRelu"]

  /// Whether it is a function of one number that stands behind a layer, as networks have them between
  /// their linear parts.
  var activates: Bool { Self.activations.contains(operatorName) }

  private static let activations: Set = [
    "Celu", "Clip", "Elu", "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu", "Mish", "PRelu", "Relu",
    "Selu", "Sigmoid", "Softplus", "Softsign", "Swish", "Tanh", "ThresholdedRelu",
  ]
}

extension GradientContext {
  /// The gradients of the inputs of a node by its operator's own rule, where the walk wants them.
  ///
  /// - Parameter gradient: what arrives at its first output.
  mutating func ownGradients(
    of node: Node, _ gradient: Value
  ) throws(OperatorError) -> [Value?] {
    var gradients = [Value?](repeating: nil, count: node.outputs.count)
    gradients[0] = gradient
    return try builder.appendGradient(of: node, gradients, wanted: wanted)
  }
}
