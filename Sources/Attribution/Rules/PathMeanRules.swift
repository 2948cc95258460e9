package import Graphs
import Kernels
import Operators
import Rewrites
import Tensors

/// The rules by which the mean of a gradient between each point of a path and the next one is computed in
/// one walk; the points are the rows of a batch.
///
/// Where values move on straight lines from the one point to the other, these are exact for each node:
///
///     y = f(x), one number each    the mean slope is dy / dx
///     y = max of x in a window     the maxima of the two ends hold until and from where they are equal
///     y = a b                      the mean slopes are (b + b') / 2 and (a + a') / 2
///
/// What is lost is only that a node behind another one does not move quite straight, and that slopes
/// are averaged before they are multiplied. Attributions add up to the difference of the scores for every
/// pair of points, as those of DeepLIFT's rescale rule do (Shrikumar et al., 2017, arXiv 1704.02685).
struct PathMeanRules: GradientRules {
  /// Points in a batch.
  private let count: Int
  /// By first output, the nodes that keep their own rule.
  private let affine: Set<Value>

  /// Below this share of the operands a difference has lost so many digits that the mean of the slopes at
  /// both ends is closer.
  private static let leastShare = 1e-3
  /// Up to this distance activations are so nearly straight that it is closer also where digits of the result
  /// are lost.
  private static let shortWay = 1.0 / 32

  /// - Parameters:
  ///   - graph: a specialised graph for a batch of `count` points.
  ///   - inputs: those of it that move.
  ///   - split: the graph cut behind its affine prefix, whose nodes keep their own rules whatever they do
  ///     with the points, as long as there are as many behind them.
  /// - Throws: `ModelError` if nodes mix the points up.
  init(
    _ graph: Graph, moving inputs: [Value], count: Int, behind split: AffineSplit? = nil
  ) throws(ModelError) {
    guard count > 1 else {
      throw ModelError(
        "the model takes no two samples in one batch, which mean gradients need", kind: .usage)
    }
    self.count = count
    affine = graph.affineNodes(in: inputs)
    let rest = split?.rest ?? graph
    try rest.requireRows(count, from: split?.places.map { rest.inputs[$0] } ?? inputs)
  }

  func gradients(_ context: inout GradientContext) throws(OperatorError) -> [Value?]? {
    let node = context.node
    if affine.contains(node.outputs[0]) || node.movesElements { return nil }
    let varying = node.inputs.indices.filter(context.wants)
    switch node.operation {
    case is Relu:
      let operands = [try context.input(0)] + context.terms(of: try context.outputGradient())
      return try context.builder.append(
        MeanReluGradient(count: count), operands, name: "\(node.name)/gradient", outputNames: [])
    case let pool as MaxPool:
      let x = try context.input(0)
      let parameters = try pool.parameters(of: try context.type(of: x).shape)
      return [
        try context.append(
          MeanMaxPoolGradient(parameters, count: count), try context.outputGradient(), x)
      ]
    case is Mul where varying.count == 2, is MatMul where varying.count == 2:
      return try product(&context)
    default:
      guard varying.count == 1, let place = varying.first, node.hasMeanSlope else {
        throw OperatorError(
          "mean gradients are not defined for the operator")
      }
      var gradients = [Value?](repeating: nil, count: node.inputs.count)
      gradients[place] = try slope(place, &context)
      return gradients
    }
  }

  /// The operator's own rule reads the other factor, which its mean replaces.
  private func product(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let node = context.node
    let means = try node.inputs.map { (value) throws(OperatorError) -> Value? in
      guard let value else { return nil }
      return try context.append(
        0.5 * (Formula(value) + Formula(NextPoint(count: count), Formula(value))),
        numbersLike: value)
    }
    return try context.ownGradients(
      of: node.reading(means, giving: node.outputs), try context.outputGradient())
  }

  private func slope(
    _ place: Int, _ context: inout GradientContext
  ) throws(OperatorError) -> Value {
    let node = context.node
    let (x, y) = (try context.input(place), context.output())
    let gradient = try context.outputGradient()
    let next = try context.append(NextPoint(count: count), x)
    let nextY = try context.append(NextPoint(count: count), y)
    var inputs = node.inputs
    inputs[place] = next
    guard let here = try context.ownGradients(of: node, gradient)[place],
      let there = try context.ownGradients(
        of: node.reading(inputs, giving: [nextY]), gradient)[place]
    else { throw OperatorError("the operator has no slope") }
    let difference = Formula(next) - Formula(x)
    let size = Formula(Abs(), Formula(next)) + Formula(Abs(), Formula(x))
    let way = Formula(Abs(), difference)
    let rise = Formula(nextY) - Formula(y)
    let level = Formula(Abs(), Formula(nextY)) + Formula(Abs(), Formula(y))
    let share = try context.type(of: y).elementType == .float64 ? 1e-9 : Self.leastShare
    let isLevel = Formula(Abs(), rise) <= Formula(share) * level
    let isClose = Formula(
      Or(), way <= Formula(Self.leastShare) * size, isLevel && way <= Formula(Self.shortWay))
    let mean = 0.5 * (Formula(here) + Formula(there))
    let secant = Formula(gradient) * rise / difference
    return try context.append(mean.where(isClose, else: secant), numbersLike: x)
  }
}

extension Graph {
  /// The graph with the gradient of one of its values, its mean over the way of each point of a path to
  /// the next one; the last point counts as its own successor.
  ///
  /// - Parameters:
  ///   - output: one of the values of this graph, which is specialised.
  ///   - input: the one that holds points, equal parts behind each other along the first dimension.
  ///   - count: points.
  /// - Throws: `ModelError` that names a node which has no mean slope or mixes the points up.
  package func meanGradient(
    of output: Value, withRespectTo input: Value, points count: Int
  ) throws(ModelError) -> GradientGraph {
    let rules = try PathMeanRules(
      self, moving: [input], count: count, behind: try splittingAffinePrefix(of: input))
    return try gradient(of: output, withRespectTo: [input], rules: rules)
  }
}

extension GradientContext {
  /// What a gradient is the sum of; itself if it is no sum.
  fileprivate func terms(of gradient: Value) -> [Value?] {
    guard let last = builder.graph.nodes.last, last.outputs == [gradient],
      last.operation is Accumulate
    else { return [gradient] }
    return last.inputs
  }
}

extension Node {
  /// Whether it is continuous and near to straight lines, so that slopes may be averaged before they are
  /// multiplied: not where it jumps, grows without bound or has a pole.
  fileprivate var hasMeanSlope: Bool {
    (activates && operatorName != "ThresholdedRelu")
      || ["Abs", "Erf", "Max", "Min"].contains(operatorName)
  }
}
