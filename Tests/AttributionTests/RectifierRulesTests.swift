import Attribution
import Graphs
import Operators
import Tensors
import Testing

@Suite struct RectifierRulesTests {
  /// y = 2 r(x1) - 3 r(x2) - r(x3): gradients that arrive at the Relus are 2, -3 and -1.
  @Test func negativeGradientsStopAtARelu() throws {
    var network = RuleNetwork([3])
    let rectified = network.node(Relu(), network.x)
    let score = network.node(MatMul(), rectified, network.constant([2, -3, -1], [3, 1]))
    let point: [Double] = [1, 1, -1]
    #expect(isClose(try network.map("gradient", of: score, at: point), [2, -3, 0]))
    #expect(isClose(try network.map("guided-backprop", of: score, at: point), [2, 0, 0]))
    #expect(isClose(try network.map("deconvnet", of: score, at: point), [2, 0, 0]))
    let shut: [Double] = [-1, 1, -1]
    #expect(isClose(try network.map("guided-backprop", of: score, at: shut), [0, 0, 0]))
    #expect(isClose(try network.map("deconvnet", of: score, at: shut), [2, 0, 0]))
  }

  /// r(x) is read by another Relu and by the score, x by both sides of a sum: y = 3 r(r(x)) - r(x) - x.
  /// The inner Relu sees 3 - 1 = 2 with every rule; x beside it keeps its -1.
  @Test func onlyTheGradientOfTheReluIsChanged() throws {
    var network = RuleNetwork([1])
    let once = network.node(Relu(), network.x)
    let twice = network.node(Relu(), once)
    let tripled = network.node(Mul(), twice, network.constant([3], []))
    let sum = network.node(Sub(), tripled, once)
    let score = network.node(Sub(), sum, network.x)
    #expect(isClose(try network.map("guided-backprop", of: score, at: [2]), [1]))
    #expect(isClose(try network.map("deconvnet", of: score, at: [2]), [1]))
    #expect(isClose(try network.map("guided-backprop", of: score, at: [-2]), [-1]))
    #expect(isClose(try network.map("deconvnet", of: score, at: [-2]), [1]))
  }

  @Test(arguments: ["guided-backprop", "deconvnet"])
  func aNetworkWithoutReluIsRefused(method: String) throws {
    var network = RuleNetwork([2])
    let score = network.node(Sigmoid(), network.x)
    let error = #expect(throws: ModelError.self) { try network.map(method, of: score, at: [1, 2]) }
    #expect(error?.kind == .usage)
    #expect(error?.description.contains("use gradient") ?? false)
  }
}
