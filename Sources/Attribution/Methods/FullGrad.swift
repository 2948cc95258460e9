package import Graphs
import Operators
import Tensors

/// Input times gradient and, where they act, biases times theirs: together exactly the score (Srinivas and
/// Fleuret, 2019, arXiv 1905.00780).
///
/// The paper's map takes magnitudes and scales each layer apart; this one keeps signs and units, so that
/// it adds up to the score. The part of each bias at each place of its layer, summed over channels, is
/// given to the pixels there, by linear interpolation that keeps its sum, and shared evenly by the
/// channels of the input. What has no place, such as a bias of a fully connected layer, is shared evenly
/// by all elements. Nodes that are not piecewise linear keep an implicit bias, as in the paper.
package struct FullGrad: AttributionMethod {
  package static let name = "fullgrad"
  package static let title = "FullGrad"
  package static let summary = "Input and biases times their gradients."

  package init(_ settings: inout MethodSettings) throws(ModelError) {}

  package var addsUp: Bool { true }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    let function = problem.function
    let terms = try function.knownBiasTerms()
    let interpreter = try function.layerInterpreter(item) { () throws(ModelError) in terms.graph }
    let result = try function.outputs(
      at: problem.point, of: interpreter, choosing: problem.targets)
    let layout = try function.sampleLayout()
    return zip(result.targets, result.outputs).map { target, outputs in
      let shape = Shape([function.layout.smallestBatch] + function.pointShape)
      let gradient = outputs[0].reshaped(to: shape).rows(0..<1).doubles
      var values = zip(problem.point.doubles, gradient).map { $0 * $1 }
      var sharing = BiasSharing(layout)
      for (term, output) in zip(terms.terms, outputs.dropFirst()) {
        sharing.add(output.firstRow(of: function), term)
      }
      for (index, value) in sharing.values.enumerated() { values[index] += value }
      return TargetedMap(
        target: target,
        map: AttributionMap(
          values: Tensor(values, shape: function.pointShape), score: result.scores[target],
          baselineScore: nil, passes: Passes(forward: 1, backward: 1)))
    }
  }
}

extension ModelFunction {
  fileprivate func knownBiasTerms() throws(ModelError) -> BiasTerms {
    if let biasTerms { return biasTerms }
    let model = try specialized(rows: layout.smallestBatch)
    let terms = try BiasTerms(model, of: model.inputs[explained])
    biasTerms = terms
    return terms
  }
}

/// Parts of a score at the places of inner values, brought to the elements of the input.
private struct BiasSharing {
  private let layout: SpatialLayout
  /// Sums of parts at places of the same extents.
  private var maps: [[Int]: [Double]] = [:]
  /// The sum of parts that have no place.
  private var rest = 0.0

  init(_ layout: SpatialLayout) { self.layout = layout }

  /// - Parameter part: an inner value's, without the dimension of the batch.
  mutating func add(_ part: Tensor, _ term: BiasTerms.Term) {
    let sign = term.isNegative ? -1.0 : 1
    let extents = Array(part.shape.dropFirst())
    guard term.isFeatureMap, layout.channelAxis != nil, !extents.isEmpty,
      extents.count == layout.extents.count
    else {
      rest += sign * part.doubles.reduce(0, +)
      return
    }
    let count = extents.reduce(1, *)
    var sums = maps[extents] ?? [Double](repeating: 0, count: count)
    for (index, value) in part.doubles.enumerated() { sums[index % count] += sign * value }
    maps[extents] = sums
  }

  /// For each element of the input its share.
  var values: [Double] {
    let count = layout.shape.elementCount
    var values = [Double](repeating: rest / Double(max(count, 1)), count: count)
    for extents in maps.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let places = AxisWeights.map(
        maps[extents] ?? [], from: extents, to: layout.extents, AxisWeights.distributing)
      for (index, value) in layout.spread(places).enumerated() {
        values[index] += value / Double(layout.channels)
      }
    }
    return values
  }
}
