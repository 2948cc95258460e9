package import Graphs
import Tensors

/// A constant that a node adds to values that depend on the model's input.
package struct Bias: Sendable {
  package let node: String
  package let value: Value
  package let elementCount: Int
}

extension Graph {
  /// The constants that nodes add, zeros left out: what keeps a piecewise linear model from being
  /// homogeneous.
  package var biases: [Bias] {
    var dependsOnInput = [Bool](repeating: false, count: records.count)
    for input in inputs { dependsOnInput[input.index] = true }
    var biases: [Bias] = []
    for node in nodes
    where node.inputs.contains(where: { $0.map { dependsOnInput[$0.index] } ?? false }) {
      for output in node.outputs { dependsOnInput[output.index] = true }
      for place in node.biasPlaces where place < node.inputs.count {
        guard let value = node.inputs[place], let constant = storedConstant(of: value),
          !constant.isZero
        else { continue }
        biases.append(
          Bias(node: node.name, value: value, elementCount: constant.elementCount))
      }
    }
    return biases
  }
}

extension Node {
  /// The inputs that are added to the others.
  fileprivate var biasPlaces: [Int] {
    switch operatorName {
    case "Conv", "ConvTranspose", "Gemm", "InstanceNormalization", "LayerNormalization",
      "GroupNormalization":
      [2]
    case "BatchNormalization": [2, 3]
    case "Add", "Sub", "Sum": Array(inputs.indices)
    default: []
    }
  }
}
