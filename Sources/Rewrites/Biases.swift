package import Graphs
import Operators
import Tensors

/// A constant that a node adds to values that depend on the model's input.
package struct Bias: Sendable, Hashable {
  /// The name of the node that adds it.
  package let node: String
  /// The name of that node's first output.
  package let output: String
  package let operatorName: String
  /// Which input of the node it is.
  package let place: Int
  /// The name of the constant.
  package let name: String
  package let elementCount: Int
  /// Why it may be something else than a bias, so that it is left unless asked for.
  package let doubt: String?
}

extension Graph {
  /// The constants that nodes of a specialised graph add, zeros left out: what keeps a piecewise
  /// linear model from being homogeneous.
  package var biases: [Bias] {
    let isInputAlone = valuesThatAreInputs
    var dependsOnInput = [Bool](repeating: false, count: records.count)
    for input in inputs { dependsOnInput[input.index] = true }
    var biases: [Bias] = []
    for node in nodes
    where node.inputs.contains(where: { $0.map { dependsOnInput[$0.index] } ?? false }) {
      for output in node.outputs { dependsOnInput[output.index] = true }
      guard type(of: node.outputs[0])?.elementType.isFloatingPoint ?? true else { continue }
      for place in node.biasPlaces where place < node.inputs.count {
        guard let value = node.inputs[place], !dependsOnInput[value.index],
          let constant = storedConstant(of: value), !constant.isZero
        else { continue }
        let others = node.inputs.compactMap(\.self).filter { dependsOnInput[$0.index] }
        let doubt =
          node.isLinear ? nil : doubt(constant, addedTo: others, in: node, isInputAlone)
        biases.append(
          Bias(
            node: node.name, output: name(of: node.outputs[0]), operatorName: node.operatorName,
            place: place, name: name(of: value), elementCount: constant.elementCount,
            doubt: doubt))
      }
    }
    return biases
  }

  private func doubt(
    _ constant: Tensor, addedTo others: [Value], in node: Node, _ isInputAlone: [Bool]
  ) -> String? {
    let readers = nodes.filter { $0.inputs.contains(node.outputs[0]) }
    let makers = others.compactMap { value in nodes.first { $0.outputs.contains(value) } }
    if others.allSatisfy({ isInputAlone[$0.index] }) {
      return "it shifts the model's input, as the subtraction of a mean does"
    }
    if constant.elementCount == 1, isGate(readers) || makers.contains(where: \.saturates) {
      return "it is part of an activation function"
    }
    if constant.elementCount == 1, readers.contains(where: { guards($0, node.outputs[0]) }) {
      return "it keeps a root or a quotient from what is undefined"
    }
    if constant.shape.count(where: { $0 > 1 }) > 1 {
      return "it varies along several dimensions, as position embeddings do"
    }
    return nil
  }

  /// Whether a sum is only read by what limits it, as in HardSwish written as x Clip(x + 3, 0, 6) / 6.
  private func isGate(_ readers: [Node]) -> Bool {
    !readers.isEmpty
      && readers.allSatisfy { reader in
        let next = nodes.filter { $0.inputs.contains(reader.outputs[0]) }
        return ["Clip", "Min"].contains(reader.operatorName)
          || reader.operatorName == "Relu" && !next.isEmpty
            && next.allSatisfy { ["Clip", "Min"].contains($0.operatorName) }
      }
  }

  /// Whether a node is undefined or infinite where `value` is 0.
  private func guards(_ node: Node, _ value: Value) -> Bool {
    switch node.operatorName {
    case "Sqrt", "Log", "Reciprocal", "Pow": true
    case "Div": node.inputs.count > 1 && node.inputs[1] == value
    default: false
    }
  }

  /// Whether each value is nothing but scaled, shifted or rearranged inputs of the graph.
  private var valuesThatAreInputs: [Bool] {
    var isInput = [Bool](repeating: false, count: records.count)
    for input in inputs { isInput[input.index] = true }
    for node in nodes where Self.inputPreparations.contains(node.operatorName) {
      let computed = node.inputs.compactMap(\.self).filter { storedConstant(of: $0) == nil }
      guard !computed.isEmpty, computed.allSatisfy({ isInput[$0.index] }) else { continue }
      for output in node.outputs { isInput[output.index] = true }
    }
    return isInput
  }

  private static let inputPreparations: Set = [
    "Add", "Sub", "Mul", "Div", "Identity", "Cast", "Dropout", "Transpose", "Reshape", "Squeeze",
    "Unsqueeze", "Slice", "Split", "Gather", "Concat", "Resize", "Upsample", "Pad",
    "BatchNormalization",
  ]
}

extension Node {
  /// Whether the node multiplies by weights, so that what is added behind it is a bias.
  fileprivate var isLinear: Bool {
    ["Conv", "ConvTranspose", "Gemm", "MatMul"].contains(operatorName)
  }

  /// Whether the node is a function that a number added to it makes an activation of.
  fileprivate var saturates: Bool {
    ["Erf", "Tanh", "Sigmoid", "HardSigmoid", "Exp", "Softplus", "Clip", "Abs", "Pow"]
      .contains(operatorName)
  }

  /// The inputs that are added to the others.
  package var biasPlaces: [Int] {
    switch operatorName {
    case "Gemm" where (operation as? Gemm)?.beta == 0: []
    case "Conv", "ConvTranspose", "Gemm", "InstanceNormalization", "LayerNormalization",
      "GroupNormalization":
      [2]
    case "BatchNormalization": [2, 3]
    case "Add", "Sub", "Sum": Array(inputs.indices)
    default: []
    }
  }
}
