import Tensors

/// The elements of one operand that a loop reads: consecutive ones, or the same one again and again.
struct Lane<E: Element> {
  let start: UnsafePointer<E>
  /// How far the next element lies: 1 or 0.
  let step: Int
}

/// The elements of a result that a loop writes.
struct Span<E: Element> {
  let start: UnsafeMutablePointer<E>
  let count: Int

  /// Writes `f` of as many elements.
  @inline(__always)
  func fill<A: Element>(_ x: UnsafePointer<A>, _ f: (A) -> E) {
    for index in 0..<count { start[index] = f(x[index]) }
  }

  /// Writes `f` of as many pairs.
  @inline(__always)
  func fill<A: Element, B: Element>(_ a: Lane<A>, _ b: Lane<B>, _ f: (A, B) -> E) {
    if a.step == 1, b.step == 1 {
      for index in 0..<count { start[index] = f(a.start[index], b.start[index]) }
    } else if a.step == 1 {
      let constant = b.start[0]
      for index in 0..<count { start[index] = f(a.start[index], constant) }
    } else if b.step == 1 {
      let constant = a.start[0]
      for index in 0..<count { start[index] = f(constant, b.start[index]) }
    } else {
      let constant = f(a.start[0], b.start[0])
      for index in 0..<count { start[index] = constant }
    }
  }
}

/// How tensors are cut into spans, on all threads. The loop over a span is the caller's: a function
/// that is known there is inlined into it, which it would not be if it were handed on to here.
extension Workspace {
  /// Elements that one thread takes at least where a function costs as much as a logarithm.
  static let costlyGrain = 1024

  /// A function of every element, in the layout of `x`, by a loop that fills a span with it.
  ///
  /// Padding must stay zero, so a padded tensor becomes row-major first unless f(0) is 0.
  func map<E: ArithmeticElement>(
    _ x: Tensor, grain: Int = 16384, _ loop: (Span<E>, UnsafePointer<E>) -> Void
  ) -> Tensor {
    let ofZero = Self.value { span in
      withUnsafePointer(to: 0 as E) { zero in loop(span, zero) }
    }
    let x = x.layout.pads(x.shape) && ofZero != 0 ? rowMajor(x) : x
    return mapInPlace(x, grain: grain, loop)
  }

  /// A function of every element as a tensor of another type, in row-major order.
  func mapRowMajor<A: Element, R: Element>(
    _ x: Tensor, _ loop: (Span<R>, UnsafePointer<A>) -> Void
  ) -> Tensor {
    mapInPlace(rowMajor(x), grain: 16384, loop)
  }

  private func mapInPlace<A: Element, R: Element>(
    _ x: Tensor, grain: Int, _ loop: (Span<R>, UnsafePointer<A>) -> Void
  ) -> Tensor {
    let result = tensor(R.elementType, x.shape, layout: x.layout)
    x.withElements(as: A.self) { source in
      guard let first = source.baseAddress else { return }
      let target = result.address.bindMemory(to: R.self, capacity: source.count)
      parallel(source.count, grain: grain) { range in
        loop(
          Span(start: target + range.lowerBound, count: range.count), first + range.lowerBound)
      }
    }
    return result
  }

  /// A function of the elements of both operands, stretched to one shape, keeping the layout of a
  /// convolution's result where that is possible without touching its padding.
  func combine<E: ArithmeticElement>(
    _ a: Tensor, _ b: Tensor, _ loop: (Span<E>, Lane<E>, Lane<E>) -> Void
  ) throws(KernelError) -> Tensor {
    if a.layout == .rowMajor, b.layout == .rowMajor { return try combineRowMajor(a, b, loop) }
    func ofZero(_ other: E) -> E {
      Self.value { (span: Span<E>) in
        withUnsafePointer(to: (0 as E, other)) { pair in
          pair.withMemoryRebound(to: E.self, capacity: 2) { pair in
            loop(span, Lane(start: pair, step: 1), Lane(start: pair + 1, step: 1))
          }
        }
      }
    }
    if a.shape == b.shape, a.layout == b.layout, !a.layout.pads(a.shape) || ofZero(0) == 0 {
      return try combineInMemoryOrder(a, a.inMemoryOrder, b.inMemoryOrder, loop)
    }
    let filler: E = ofZero(0) == 0 ? 0 : 1
    let padsSafely = !a.layout.pads(a.shape) || ofZero(filler) == 0
    if padsSafely, let numbers = perChannel(b, of: a, filler: filler) {
      return try combineInMemoryOrder(a, a.inMemoryOrder, numbers, loop)
    }
    if !b.layout.pads(b.shape), let numbers = perChannel(a, of: b, filler: filler) {
      return try combineInMemoryOrder(b, numbers, b.inMemoryOrder, loop)
    }
    return try combineRowMajor(rowMajor(a), rowMajor(b), loop)
  }

  /// The one element that a loop writes into a span of one.
  private static func value<E: ArithmeticElement>(_ loop: (Span<E>) -> Void) -> E {
    var value: E = 0
    withUnsafeMutablePointer(to: &value) { loop(Span(start: $0, count: 1)) }
    return value
  }

  /// A function of two operands whose elements are taken in memory order, in the layout of `model`.
  private func combineInMemoryOrder<E: ArithmeticElement>(
    _ model: Tensor, _ a: Tensor, _ b: Tensor, _ loop: (Span<E>, Lane<E>, Lane<E>) -> Void
  ) throws(KernelError) -> Tensor {
    let result = try combineRowMajor(a, b, loop)
    return Tensor(
      model.elementType, model.shape, layout: model.layout, storage: result.storage,
      byteOffset: result.byteOffset)
  }

  /// One number per sample and channel in the order in which a tensor lies in memory whose channels
  /// are innermost, with `filler` for channels that only pad; nil where `y` is something else.
  private func perChannel<E: ArithmeticElement>(
    _ y: Tensor, of x: Tensor, filler: E
  ) -> Tensor? {
    guard x.layout != .rowMajor, let step = y.shape.stepsPerSampleAndChannel(of: x.shape) else {
      return nil
    }
    let memory = x.inMemoryOrder.shape
    let (blocks, block) = (memory[1], memory[3])
    return rowMajor(y).withElements(as: E.self) { source in
      tensor(E.self, [memory[0], blocks, 1, block]) { numbers in
        for place in numbers.indices {
          let (sample, channel) = (place / (blocks * block), place % (blocks * block))
          let isPadding = channel >= x.shape[1]
          numbers.initializeElement(
            at: place,
            to: isPadding ? filler : source[sample * step.sample + channel * step.channel])
        }
      }
    }
  }

  /// A function of the elements of two row-major operands, stretched to one shape.
  func combineRowMajor<A: Element, B: Element, R: Element>(
    _ a: Tensor, _ b: Tensor, _ loop: (Span<R>, Lane<A>, Lane<B>) -> Void
  ) throws(KernelError) -> Tensor {
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
      throw KernelError("\(a.shape) and \(b.shape) do not broadcast")
    }
    let result = tensor(R.elementType, shape)
    let runs = BroadcastRuns(shape, [a.shape, b.shape])
    let step = runs.innerStep
    a.withElements(as: A.self) { left in
      b.withElements(as: B.self) { right in
        guard let left = left.baseAddress, let right = right.baseAddress else { return }
        let target = result.address.bindMemory(to: R.self, capacity: shape.elementCount)
        parallel(runs.count) { range in
          runs.forEachRun(in: range) { position, count, place in
            loop(
              Span(start: target + position, count: count),
              Lane(start: left + place[0], step: step[0]),
              Lane(start: right + place[1], step: step[1]))
          }
        }
      }
    }
    return result
  }
}

extension Tensor {
  /// The elements in memory order, padding included, as a row-major tensor: samples, blocks of
  /// channels, pixels, channels of a block.
  fileprivate var inMemoryOrder: Tensor {
    let block: Int
    switch layout {
    case .rowMajor, .bits: return self
    case .channelsLast: block = shape[1]
    case .blockedChannels(let channels): block = channels
    }
    let blocks = block == 0 ? 0 : (shape[1] + block - 1) / block
    let pixels = shape.dropFirst(2).reduce(1, *)
    return Tensor(
      elementType, [shape[0], blocks, pixels, block], storage: storage, byteOffset: byteOffset)
  }
}

extension Shape {
  /// Elements to skip in a row-major tensor of this shape for a step to the next sample and to the
  /// next channel of `shape`, if it stretches to `shape` and is one pixel wide; otherwise nil.
  fileprivate func stepsPerSampleAndChannel(of shape: Shape) -> (sample: Int, channel: Int)? {
    guard Shape.broadcast(self, shape) == shape else { return nil }
    let strides = stretchedStrides(to: shape)
    let spatial = strides.indices.dropFirst(2)
    guard spatial.allSatisfy({ strides[$0] == 0 || shape[$0] == 1 }) else { return nil }
    return (strides[0], strides[1])
  }
}
