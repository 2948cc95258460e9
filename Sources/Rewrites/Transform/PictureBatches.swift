import Graphs
package import Tensors

/// Pictures that can be gone through many times, in one order: hands batches of them, N x the shape
/// of the model's input without its batch, to the function that it is given, and passes on what that
/// throws.
package typealias PictureSource = (_ body: (Tensor) throws -> Void) throws -> Void

/// Which pictures a network is fitted to, and which the strength of a ridge is judged on: every fifth.
struct PictureSplit {
  let count: Int

  /// Whether a picture is held out. A single one serves both ends.
  func isHeldOut(_ index: Int) -> Bool { index % 5 == min(count, 5) - 1 }
  func isFitted(_ index: Int) -> Bool { count == 1 || !isHeldOut(index) }

  var heldOutCount: Int { (0..<count).lazy.filter(isHeldOut).count }
  var fittedCount: Int { (0..<count).lazy.filter(isFitted).count }
}

/// Pictures of one part of the split that run together.
struct PictureBatch {
  let pictures: Tensor
  let isHeldOut: Bool
  /// How many pictures of this part came before.
  let first: Int
  /// How many of the rows of `pictures` are not there to fill it up.
  let count: Int
}

/// Takes the batches of a source apart and puts pictures of one part of the split together.
struct PictureBatches {
  let source: PictureSource
  let split: PictureSplit
  private let size: Int
  private let isFixed: Bool
  private let elementType: ElementType

  /// Counts the pictures.
  ///
  /// - Throws: `ModelError` if there are none, or what the source throws.
  init(
    _ source: @escaping PictureSource, as elementType: ElementType, _ options: CalibrationOptions
  ) throws {
    var count = 0
    try source { pictures in
      guard pictures.shape.rank > 0 else { throw ModelError("a batch of pictures is a scalar") }
      count += pictures.shape[0]
    }
    guard count > 0 else { throw ModelError("there are no pictures to calibrate on") }
    self.source = source
    self.split = PictureSplit(count: count)
    self.size = max(options.batchSize, 1)
    self.isFixed = options.isBatchFixed
    self.elementType = elementType
  }

  /// Calls `body` with every batch: the same ones each time.
  func forEach(_ body: (PictureBatch) throws -> Void) throws {
    var index = 0
    var parts = [Part(isHeldOut: false), Part(isHeldOut: true)]
    try source { pictures in
      guard let count = pictures.shape.first, pictures.layout == .rowMajor else {
        throw ModelError("pictures of a layout that cannot be taken apart")
      }
      for row in 0..<count {
        let picture = pictures.rows(row..<row + 1).converted(to: elementType)
        for part in parts.indices {
          let isMember =
            parts[part].isHeldOut ? split.isHeldOut(index) : split.isFitted(index)
          guard isMember else { continue }
          if let other = parts[part].pictures.first, other.shape != picture.shape {
            try flush(&parts[part], body)
          }
          parts[part].pictures.append(picture)
          if parts[part].pictures.count == size { try flush(&parts[part], body) }
        }
        index += 1
      }
    }
    for part in parts.indices { try flush(&parts[part], body) }
    guard index == split.count else {
      throw ModelError("there were \(split.count) pictures, then \(index)")
    }
  }

  private struct Part {
    let isHeldOut: Bool
    var pictures: [Tensor] = []
    var done = 0
  }

  private func flush(_ part: inout Part, _ body: (PictureBatch) throws -> Void) throws {
    let count = part.pictures.count
    guard count > 0 else { return }
    var pictures = part.pictures
    while isFixed, pictures.count < size { pictures.append(pictures[pictures.count - count]) }
    part.pictures = []
    defer { part.done += count }
    try body(
      PictureBatch(
        pictures: Tensor(stacking: pictures), isHeldOut: part.isHeldOut, first: part.done,
        count: count))
  }
}
