import Attribution
import Graphs
package import Tensors

/// A sample read, with all that metrics and methods need beside it.
package struct PreparedSample: Sendable {
  /// The sample as one model takes it.
  package struct Input: Sendable {
    /// A batch of one row.
    let point: Tensor
    /// What the model's other inputs get for it, by their places; that of the sample too where the point
    /// is a layer's value.
    let others: [Int: Tensor]
    /// What it is compared with; nothing where no method or metric does.
    let baselines: [Tensor]
    /// The background of masked pixels, where a metric masks some.
    var background: Tensor?
    /// The background on which pixels appear, for insertion.
    var softBackground: Tensor?
    /// What expected gradients compare it with.
    let references: [Tensor]
    /// Other samples in the place of a reference that has no value at a layer.
    let substitutes: Substitutes?
    /// For each pixel whether it shows the object.
    var mask: [Bool]?

    /// The same with a layer's values for the point, the baselines and the references, which are drawn
    /// anew where they have none.
    func placed(by layer: LayerPoints) throws -> Input {
      func place(_ point: Tensor) throws(ModelError) -> Tensor { try layer.point(point, others) }
      return Input(
        point: try place(point), others: others.merging([layer.input: point]) { $1 },
        baselines: try baselines.enumerated().map { try layer.baseline($0, $1, others) },
        references: try references.enumerated().map { number, reference in
          guard let substitutes else { return try place(reference) }
          if let value = try? place(reference) { return value }
          return try substitutes.first(for: number, place)
        }, substitutes: nil)
    }
  }

  /// Draws samples in the place of references; the same for the same sample and seed.
  struct Substitutes: Sendable {
    /// Another sample for a reference, by its number and that of the try; nil if it cannot be read.
    let draw: @Sendable (_ number: Int, _ attempt: Int) -> Tensor?
    let tries: Int

    /// What `place` makes of the first one that it takes.
    func first(for number: Int, _ place: (Tensor) throws -> Tensor) throws(ModelError) -> Tensor {
      for attempt in 0..<tries {
        if let other = draw(number, attempt), let value = try? place(other) { return value }
      }
      throw ModelError("no sample to compare it with has a value at the layer")
    }
  }

  let sample: DataSet.Sample
  /// One for each model, or why there is none.
  let inputs: Result<[Input], ModelError>
}

/// Reads samples; used from several threads.
package struct SamplePreparation: Sendable {
  /// A sample as each of the models takes it, and for each pixel whether it shows the object.
  package typealias Reading = (points: [Tensor], masks: [[Bool]]?)
  /// Reads a sample, with its masks if that is asked for.
  package typealias Reader =
    @Sendable (_ sample: DataSet.Sample, _ withMasks: Bool) throws -> Reading

  /// Reads what the other inputs of each model get for a sample.
  package typealias OthersReader = @Sendable (_ sample: DataSet.Sample) throws -> [[Int: Tensor]]

  private let dataSet: DataSet
  private let read: Reader
  private let readOthers: OthersReader
  private let shapes: [Shape]
  private let channelAxes: [Int?]
  private let baselines: [@Sendable (Tensor) -> [Tensor]]
  private let readsBaselines: Bool
  private let drawsFromBaselines: Bool
  private let masksPixels: Bool
  private let insertsPixels: Bool
  private let references: Int
  private let seed: UInt64

  /// - Parameters:
  ///   - readOthers: gives what stays the sample's where another point stands in its place.
  ///   - shapes: for each model the shape of a batch of one.
  ///   - channelAxes: for each model the axis of the channels, where it takes pictures.
  ///   - baselines: for each model what a batch of one is compared with.
  ///   - readsBaselines: whether a method or metric does compare.
  ///   - drawsFromBaselines: whether references are some of these, not of the data set.
  ///   - masksPixels: whether a metric shows pixels on a blurred picture.
  ///   - insertsPixels: whether a metric lets pixels appear, for which it is blurred less.
  ///   - references: how many are drawn for each sample.
  package init(
    dataSet: DataSet, read: @escaping Reader, readOthers: @escaping OthersReader, shapes: [Shape],
    channelAxes: [Int?], baselines: [@Sendable (Tensor) -> [Tensor]], readsBaselines: Bool,
    drawsFromBaselines: Bool,
    masksPixels: Bool, insertsPixels: Bool, references: Int, seed: UInt64
  ) {
    self.dataSet = dataSet
    self.read = read
    self.readOthers = readOthers
    self.shapes = shapes
    self.channelAxes = channelAxes
    self.baselines = baselines
    self.readsBaselines = readsBaselines
    self.drawsFromBaselines = drawsFromBaselines
    self.masksPixels = masksPixels
    self.insertsPixels = insertsPixels
    self.references = references
    self.seed = seed
  }

  /// Radius and sigma of the blur of Petsiuk et al. (2018): 11x11 pixels, sigma 5.
  private static let softBlur = (radius: 5, sigma: 5.0)
  /// Other samples that are tried in the place of one that cannot be read.
  private static let tries = 20

  func prepare(_ sample: DataSet.Sample) -> PreparedSample {
    do {
      let (points, masks) = try reading(of: sample, withMasks: true)
      for (mask, shape) in zip(masks ?? [], shapes)
      where !shape.elementCount.isMultiple(of: max(mask.count, 1)) || mask.isEmpty {
        throw ModelError("its mask has \(mask.count) pixels, the model's input is \(shape)")
      }
      let others = try readOthers(sample)
      let drawsStarts = drawsFromBaselines && references > 0
      let starts = readsBaselines || drawsStarts ? zip(points, baselines).map { $1($0) } : []
      let references = try referencePoints(of: sample, starts)
      let inputs = points.enumerated().map { model, point in
        let axis = channelAxes[model]
        return PreparedSample.Input(
          point: point, others: others[model], baselines: readsBaselines ? starts[model] : [],
          background: masksPixels ? axis.map { point.blurBaseline(channelAxis: $0) } : nil,
          softBackground: insertsPixels
            ? axis.map {
              point.blurBaseline(
                channelAxis: $0, radius: Self.softBlur.radius, sigma: Self.softBlur.sigma)
            } : nil,
          references: references.map { $0[model] },
          substitutes: drawsFromBaselines ? nil : substitutes(of: sample, model: model),
          mask: masks?[model])
      }
      return PreparedSample(sample: sample, inputs: .success(inputs))
    } catch let error as ModelError {
      return PreparedSample(sample: sample, inputs: .failure(error))
    } catch {
      return PreparedSample(sample: sample, inputs: .failure(ModelError("\(error)")))
    }
  }

  private func reading(of sample: DataSet.Sample, withMasks: Bool) throws -> Reading {
    let (points, masks) = try read(sample, withMasks)
    for (model, (point, shape)) in zip(points, shapes).enumerated() {
      guard point.shape == shape else {
        let advice =
          channelAxes[model] == nil
          ? "fill all samples up to one length" : "fix a size with a crop in the preprocessing"
        throw ModelError(
          point.shape.first == 1
            ? "it gives \(point.shape), the first sample gave \(shape); \(advice)"
            : "it holds \(point.shape.first ?? 0) samples, one is wanted")
      }
      guard point.isFinite else { throw ModelError("it holds numbers that are not finite") }
    }
    return (points, masks)
  }

  /// References for each model, drawn from the baselines or from the whole data set; the same for the
  /// same sample and seed.
  private func referencePoints(
    of sample: DataSet.Sample, _ starts: [[Tensor]]
  ) throws -> [[Tensor]] {
    var noise = SampleNoise(seed: seed, digest: sample.digest, purpose: "references")
    return try (0..<references).map { _ in
      if drawsFromBaselines, let count = starts.first?.count, count > 0 {
        let place = noise.below(count)
        return starts.map { $0[place] }
      }
      for _ in 0..<Self.tries {
        if let points = otherPoints(&noise) { return points }
      }
      throw ModelError("no sample to compare it with can be read")
    }
  }

  private func substitutes(of sample: DataSet.Sample, model: Int) -> PreparedSample.Substitutes {
    PreparedSample.Substitutes(
      draw: { number, attempt in
        var noise = SampleNoise(
          seed: seed, digest: sample.digest, purpose: "reference \(number), try \(attempt)")
        return otherPoints(&noise)?[model]
      }, tries: Self.tries)
  }

  /// Another sample as each of the models takes it; nil if it cannot be read.
  private func otherPoints(_ noise: inout SampleNoise) -> [Tensor]? {
    let other = dataSet.samples[noise.below(dataSet.samples.count)]
    return try? reading(of: other, withMasks: false).points
  }
}

extension Tensor {
  /// Whether no element is infinite or no number.
  package var isFinite: Bool {
    !elementType.isFloatingPoint || doubles.allSatisfy(\.isFinite)
  }
}
