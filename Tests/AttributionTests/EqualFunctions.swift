import Attribution
import Graphs
import Operators
import Tensors

/// Two networks of one function of (x1, x2): Sundararajan et al., 2017, figure 7.
struct EqualFunctions {
  let network: RuleNetwork
  let score: Value

  /// max(max(x1, 0) - 1 - max(x2, 0), 0): the 1 is the bias of a layer.
  static func f() throws -> EqualFunctions {
    var network = RuleNetwork([2])
    let rectified = network.node(Relu(), network.x)
    let difference = network.node(
      Gemm(), rectified, network.constant([1, -1], [2, 1]), network.constant([-1], [1]))
    let score = network.node(Relu(), difference)
    return EqualFunctions(network: network, score: score)
  }

  /// max(max(x1 - 1, 0) - max(x2, 0), 0).
  static func g() throws -> EqualFunctions {
    var network = RuleNetwork([2])
    let shifted = network.node(Sub(), network.x, network.constant([1, 0], [2]))
    let rectified = network.node(Relu(), shifted)
    let difference = network.node(MatMul(), rectified, network.constant([1, -1], [2, 1]))
    let score = network.node(Relu(), difference)
    return EqualFunctions(network: network, score: score)
  }
}
