package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"push-manager.dev/interop/pubsub"
)

// target is whom a push is for; exactly one field is set.
type target struct {
	Room      string `json:"room,omitempty"`
	User      string `json:"user,omitempty"`
	Broadcast bool   `json:"broadcast,omitempty"`
}

// line is what is printed of a push that ended.
type line struct {
	Seq            int              `json:"seq"`
	Data           string           `json:"data"`
	Target         target           `json:"target"`
	SentMs         int64            `json:"sent_ms"`
	EndedMs        int64            `json:"ended_ms"`
	Tries          int64            `json:"tries"`
	Sends          int64            `json:"sends"`
	Ok             bool             `json:"ok"`
	Code           string           `json:"code"`
	Error          string           `json:"error"`
	Success        bool             `json:"success"`
	Message        string           `json:"message"`
	TotalDelivered int64            `json:"total_delivered"`
	Targets        int64            `json:"targets"`
	PushID         string           `json:"push_id"`
	Outcomes       map[string]int64 `json:"outcomes"`
}

// aim goes round over the targets; broadcasts take a turn of their own.
func (l *loadFlags) aim(seq int) target {
	if l.broadcastEvery > 0 {
		if len(l.targets) == 0 || seq%l.broadcastEvery == l.broadcastEvery-1 {
			return target{Broadcast: true}
		}
		seq -= seq / l.broadcastEvery
	}
	return l.targets[seq%len(l.targets)]
}

// push makes one call and tells how it ended.
func (l *loadFlags) push(ctx context.Context, seq int) *line {
	ctx, cancel := context.WithTimeout(ctx, l.deadline)
	defer cancel()
	var counts counts
	ctx = context.WithValue(ctx, countsKey{}, &counts)
	told := &line{
		Seq:      seq,
		Data:     fmt.Sprintf("load-%s-%d", l.run, seq),
		Target:   l.aim(seq),
		SentMs:   time.Now().UnixMilli(),
		Outcomes: map[string]int64{},
	}
	err := told.call(ctx, l.serviceOfTheCall(seq))
	told.EndedMs = time.Now().UnixMilli()
	told.Tries, told.Sends = counts.tries.Load(), counts.sends.Load()
	told.Ok, told.Code = err == nil, status.Code(err).String()
	if err != nil {
		told.Error = err.Error()
	}
	return told
}

// answer is what the three calls have in common.
type answer interface {
	GetSuccess() bool
	GetMessage() string
	GetPushId() string
	GetReceipt() *pubsub.Receipt
}

func (t *line) call(ctx context.Context, service pubsub.PushManagerServiceClient) error {
	got, err := t.answer(ctx, service)
	if err != nil {
		return err
	}
	t.Success, t.Message, t.PushID = got.GetSuccess(), got.GetMessage(), got.GetPushId()
	t.Targets = got.GetReceipt().GetTargets()
	for _, count := range got.GetReceipt().GetOutcomes() {
		name := strings.ToLower(strings.TrimPrefix(count.Outcome.String(), "OUTCOME_"))
		t.Outcomes[name] = count.Count
	}
	return nil
}

// answer makes the call, and takes from its answer what the three calls have
// each in their own way: how many got it. To one user that is one or none.
func (t *line) answer(ctx context.Context, service pubsub.PushManagerServiceClient) (answer, error) {
	switch {
	case t.Target.Broadcast:
		got, err := service.BroadcastMessage(ctx, &pubsub.BroadcastMessageRequest{Content: content(t.Data)})
		t.TotalDelivered = int64(got.GetTotalDelivered())
		return got, err
	case t.Target.Room != "":
		got, err := service.PushToRoom(ctx, &pubsub.PushToRoomRequest{RoomId: t.Target.Room, Content: content(t.Data)})
		t.TotalDelivered = int64(got.GetDeliveredCount())
		return got, err
	default:
		got, err := service.PushToUser(ctx, &pubsub.PushToUserRequest{UserId: t.Target.User, Content: content(t.Data)})
		if got.GetSuccess() {
			t.TotalDelivered = 1
		}
		return got, err
	}
}

// counts is what grpc's own retries hide from the caller of a call: how often it
// was tried, and how often the request was handed to a connection.
type counts struct{ tries, sends atomic.Int64 }

type countsKey struct{}

type counter struct{}

func (counter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (counter) HandleRPC(ctx context.Context, event stats.RPCStats) {
	counts, counted := ctx.Value(countsKey{}).(*counts)
	if !counted {
		return
	}
	switch event.(type) {
	case *stats.Begin:
		counts.tries.Add(1)
	case *stats.OutPayload:
		counts.sends.Add(1)
	}
}

func (counter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (counter) HandleConn(context.Context, stats.ConnStats) {}

// summary ends the output.
type summary struct {
	Pushes int            `json:"pushes"`
	Ok     int            `json:"ok"`
	Codes  map[string]int `json:"codes"`
}

// printLines prints until there are no more lines, then what they sum up to.
// Nothing waits in the buffer while there is nothing to print.
func printLines(lines <-chan *line) error {
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	total := summary{Codes: map[string]int{}}
	// A failed write stays with the buffer; the rest is read so that no call waits.
	for told := range lines {
		total.Pushes++
		total.Codes[told.Code]++
		if told.Ok {
			total.Ok++
		}
		_ = encoder.Encode(told)
		if len(lines) == 0 {
			_ = out.Flush()
		}
	}
	_ = encoder.Encode(map[string]any{"summary": total})
	return out.Flush()
}
