import Graphs
import Kernels
import Operators
import Rewrites

/// The rules of DeepLIFT (Shrikumar et al., 2017, arXiv 1704.02685, section 3.5.1), for multipliers m
/// instead of gradients.
///
/// With dx = x - x' the difference of a value at the point and at the reference:
///
///     affine in all that varies    the operator's own rule
///     y = f(x), one number each    m(x) = m(y) dy / dx; m(y) f'(x) where |dx| < 10⁻¹⁰
///     y = max of x in a window     m(x) = [m(y) (max(y, y') - y') at the place of the maximum of x
///                                  + m(y) (y - max(y, y')) at the place of the maximum of x'] / dx
///
/// The last one is captum's and adds up: each of the two places takes what only it explains, and an
/// element that several windows choose takes the sum. Everything else is refused.
struct RescaleRules: GradientRules {
  private let pair: ReferencePair
  /// By first output, the nodes that keep their own rule.
  private let affine: Set<Value>

  /// The difference of two inputs below which their ratio is not trusted: captum's.
  private static let leastDifference = 1e-10

  init(_ pair: ReferencePair) {
    self.pair = pair
    affine = pair.graph.affineNodes(in: [pair.input])
  }

  func gradients(_ context: inout GradientContext) throws(OperatorError) -> [Value?]? {
    let node = context.node
    if affine.contains(node.outputs[0]) || node.movesElements { return nil }
    let varying = node.inputs.indices.filter(context.wants)
    if varying == [0], node.selectsMaxima { return try selected(&context) }
    if varying.count == 1, let place = varying.first, node.isElementwise {
      var gradients = [Value?](repeating: nil, count: node.inputs.count)
      gradients[place] = try rescaled(place, &context)
      return gradients
    }
    let reason =
      varying.count > 1
      ? "DeepLIFT has no rescale rule for an operator that combines two values which depend on the "
        + "input other than linearly"
      : "DeepLIFT has no rescale rule for this operator"
    throw OperatorError("\(reason); use ig, which needs none")
  }

  private func rescaled(
    _ place: Int, _ context: inout GradientContext
  ) throws(OperatorError) -> Value {
    let (dy, x, y) = (
      Formula(try context.outputGradient()), try context.input(place), context.output()
    )
    let own = try context.ownGradients(of: context.node, try context.outputGradient())[place]
    let difference = change(of: x)
    let ratio = dy * change(of: y) / difference
    return try context.append(
      (own.map { Formula($0) } ?? 0).where(isTiny(difference), else: ratio), numbersLike: x)
  }

  private func selected(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let (x, y) = (try context.input(0), context.output())
    let gradient = try context.outputGradient()
    let (dy, at, reference) = (Formula(gradient), Formula(y), Formula(pair.reference(of: y)))
    let larger = Formula(Max(), at, reference)
    let gained = try context.append(dy * (larger - reference), numbersLike: y)
    let lost = try context.append(dy * (at - larger), numbersLike: y)
    let node = context.node
    guard let there = try context.ownGradients(of: node, gained)[0],
      let back = try context.ownGradients(of: pair.reference(of: node), lost)[0],
      let own = try context.ownGradients(of: node, gradient)[0]
    else { throw OperatorError("the gradient is not defined") }
    let difference = change(of: x)
    let ratio = (Formula(there) + Formula(back)) / difference
    return [
      try context.append(Formula(own).where(isTiny(difference), else: ratio), numbersLike: x)
    ]
  }

  private func change(of value: Value) -> Formula {
    Formula(value) - Formula(pair.reference(of: value))
  }

  private func isTiny(_ difference: Formula) -> Formula {
    Formula(Abs(), difference) < Formula(Self.leastDifference)
  }
}
