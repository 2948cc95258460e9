import Graphs
import Kernels
import Operators
import Tensors

/// The rules by which the mean of a gradient between two near points is computed in one walk.
///
/// Where values move on straight lines from the one point to the other, these are exact for each node:
///
///     y = f(x), one number each    the mean slope is dy / dx
///     y = max of x in a window     the maxima of the two ends hold until and from where they are equal
///     y = a b                      the mean slopes are (b + b') / 2 and (a + a') / 2
///
/// What is lost is only that a node behind another one does not move quite straight, and that slopes
/// are averaged before they are multiplied. Attributions add up to the difference of the scores for every
/// pair of points, as those of DeepLIFT do, whose rules these are but for maxima and products.
struct SecantRules: GradientRules {
  private let pair: ReferencePair
  private let rescale: RescaleRules

  init(_ pair: ReferencePair) {
    self.pair = pair
    rescale = RescaleRules(pair)
  }

  func gradients(_ context: inout GradientContext) throws(OperatorError) -> [Value?]? {
    let node = context.node
    if let pool = node.operation as? MaxPool, context.wants(0) {
      return [try pooled(pool, &context)]
    }
    if node.operation is Mul, context.wants(0), context.wants(1) { return try product(&context) }
    return try rescale.gradients(&context)
  }

  private func product(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let dy = Formula(try context.outputGradient())
    let factors = [try context.input(0), try context.input(1)]
    var gradients: [Value?] = []
    for (place, other) in [factors[1], factors[0]].enumerated() {
      let mean = 0.5 * (Formula(other) + Formula(pair.reference(of: other)))
      gradients.append(try context.append(dy * mean, numbersLike: factors[place]))
    }
    return gradients
  }

  /// With a the element that is the maximum at the reference, b that at the point: a - b falls from
  /// a' - b' to a - b, so that a holds for the share (a' - b') / ((a' - b') + (b - a)) of the way.
  private func pooled(
    _ pool: MaxPool, _ context: inout GradientContext
  ) throws(OperatorError) -> Value {
    let (x, y) = (try context.input(0), context.output())
    let (x0, y0) = (pair.reference(of: x), pair.reference(of: y))
    let gradient = try context.outputGradient()
    let before = try selected(pool, from: x0, atMaximaOf: x, &context)
    let after = try selected(pool, from: x, atMaximaOf: x0, &context)
    let lead = Formula(y0) - Formula(before)
    let sum = lead + (Formula(y) - Formula(after))
    let share = Formula(0.5).where(sum <= 0, else: lead / sum)
    let dy = Formula(gradient)
    let first = dy * share
    let earlier = try context.append(first, numbersLike: y)
    let later = try context.append(dy - Formula(earlier), numbersLike: y)
    guard let there = try context.ownGradients(of: pair.reference(of: context.node), earlier)[0],
      let here = try context.ownGradients(of: context.node, later)[0]
    else { throw OperatorError("the gradient is not defined") }
    return try context.append(Formula(there) + Formula(here), numbersLike: x)
  }

  /// The elements of a value at the places where another one has the maxima of its windows.
  private func selected(
    _ pool: MaxPool, from value: Value, atMaximaOf other: Value, _ context: inout GradientContext
  ) throws(OperatorError) -> Value {
    let indices = try context.builder.append(
      pool.withIndices, [other], name: "\(context.node.name)/places")[1]
    let flat = try context.append(Reshape(), value, context.integers([-1]))
    return try context.append(Gather(axis: 0), flat, indices)
  }
}
